/**
 * Every failure that a user can meet. The code is stable (the README's troubleshooting is keyed by it), the
 * message says what failed, with its name, and the hint can be pasted or followed as it stands.
 */
export class PaudeError extends Error {
  override readonly name = 'PaudeError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** The codes, grouped by what the user has to do with. Only add; a code is never given a second meaning. */
export type ErrorCode =
  // how the program was called
  | 'USAGE'
  | 'NAME_INVALID'
  | 'URL_INVALID'
  | 'OPTION_UNSUPPORTED'
  // settings
  | 'CONFIG_INVALID'
  | 'CONFIG_UNTRUSTED'
  // the machine
  | 'NODE_TOO_OLD'
  | 'GIT_TOO_OLD'
  | 'GIT_FAILED'
  | 'NOT_A_REPOSITORY'
  | 'NO_TERMINAL'
  // sessions
  | 'SESSION_UNKNOWN'
  | 'SESSION_AMBIGUOUS'
  | 'SESSION_DIFFERS'
  | 'SESSION_STOPPED'
  | 'SESSION_FAILED'
  | 'SESSION_DIED'
  | 'AUTOSTART_OFF'
  | 'UNCONFIRMED'
  | 'NOT_OURS'
  | 'NOT_REMOVED'
  // the network of a session
  | 'NETWORK_UNENFORCED'
  | 'NETWORK_UNPROVED'
  | 'NETWORK_OPEN'
  | 'NETWORK_DOWN'
  // remotes
  | 'REMOTE_EXISTS'
  | 'REMOTE_UNKNOWN'
  | 'LFS_UNSUPPORTED'
  // credentials and the hook
  | 'LOGIN_MISSING'
  | 'CREDENTIALS_TOO_LARGE'
  | 'SYNC_FAILED'
  | 'HOOK_FOREIGN'
  | 'HOOK_UNWRITABLE'
  // the backend and the wire
  | 'BACKEND_MISSING'
  | 'BACKEND_UNREACHABLE'
  | 'BACKEND_FAILED'
  | 'LIMITS_UNSUPPORTED'
  // clusters
  | 'KUBECONFIG_MISSING'
  | 'KUBECONFIG_INVALID'
  | 'CONTEXT_UNKNOWN'
  | 'NOT_LOGGED_IN'
  | 'CERTIFICATE_UNTRUSTED'
  | 'NAMESPACE_MISSING'
  | 'FORBIDDEN'
  | 'QUOTA_EXCEEDED'
  | 'ADMISSION_REFUSED'
  | 'POD_PENDING'
  | 'IMAGE_PULL_FAILED'
  | 'NOT_YOURS'
  | 'DISK_FULL'
  | 'CONNECTION_LOST'
  // images
  | 'IMAGE_MISSING'
  | 'IMAGE_BUILD_FAILED'
  | 'IMAGE_PLATFORM'
  | 'IMAGE_UNFIT'
  | 'IMAGE_NOT_CARRIED'
  | 'PULL_SECRET_NEEDED'
  // registries
  | 'REGISTRY_LOGIN'
  | 'REGISTRY_REFUSED'
  | 'REGISTRY_REJECTED'
  | 'REGISTRY_FULL'
  | 'REGISTRY_SLOW'
  | 'REGISTRY_UNREACHABLE'
  | 'REGISTRY_LIED'
  | 'REGISTRY_FAILED'
  // everything stopped because the user asked for it
  | 'INTERRUPTED';

/** True for a PaudeError, of this code when one is given. */
export function isPaudeError(error: unknown, code?: ErrorCode): error is PaudeError {
  return error instanceof PaudeError && (code === undefined || error.code === code);
}

/** What something that was thrown says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Exit codes: 0 done, 1 failed, 2 usage, 130 interrupted. */
export function exitCodeOf(error: unknown): number {
  if (!isPaudeError(error)) return 1;
  switch (error.code) {
    case 'USAGE':
    case 'NAME_INVALID':
    case 'URL_INVALID':
    case 'OPTION_UNSUPPORTED':
    case 'UNCONFIRMED':
    case 'NOT_YOURS':
      return 2;
    case 'INTERRUPTED':
      return 130;
    default:
      return 1;
  }
}

/** The error that an aborted signal stands for. */
export function interrupted(): PaudeError {
  return new PaudeError('INTERRUPTED', 'interrupted');
}
