import { PaudeError, type ErrorCode } from '../errors.ts';
import type { RegistryWire } from './registry-wire.ts';

/** A registry that could not be spoken with, or that broke off. */
export function wireError(name: string, error: unknown): PaudeError {
  if (error instanceof PaudeError) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (/certificate|self.signed|CERT_|UNABLE_TO_VERIFY|ERR_TLS/i.test(`${code} ${message}`)) {
    return new PaudeError('CERTIFICATE_UNTRUSTED', `the certificate of ${name} is not trusted: ${message}`, {
      hint: 'name its authority with --ca-file=FILE, or, for the push alone, --no-openshift-tls-verify',
      cause: error,
    });
  }
  if (code === 'ETIMEDOUT') {
    return new PaudeError('REGISTRY_SLOW', `${name} does not go on: nothing moved for too long`, {
      hint: 'give the same command again: what has arrived is not sent again',
      cause: error,
    });
  }
  // What OpenSSL says of an answer that is no TLS is a line of its source.
  const why = code === 'EPROTO' ? 'it does not speak TLS there' : message || code || String(error);
  return new PaudeError('REGISTRY_UNREACHABLE', `${name} can't be reached: ${why}`, {
    hint: 'is its name right, and the network up?',
    cause: error,
  });
}

/** What a registry's refusal means (OCI distribution specification, error codes). `what` is what was tried. */
export function answerError(
  wire: Pick<RegistryWire, 'name' | 'logIn'>,
  what: string,
  status: number,
  body: Buffer,
): PaudeError {
  const { name } = wire;
  const said = wordsOf(body);
  const make = (code: ErrorCode, message: string, hint: string) => new PaudeError(code, message, { hint });
  if (
    /no space left|quota|"Err":28\b|exceeds? .*(limit|size)/i.test(body.toString()) ||
    status === 507 ||
    status === 413
  )
    return make(
      'REGISTRY_FULL',
      `${name} is full and could not ${what}${said}`,
      'make room there, or use another one: --openshift-registry=HOST/PATH',
    );
  if (status === 401)
    return make('REGISTRY_LOGIN', `${name} asks for a login to ${what}${said}`, loginHint(wire));
  if (status === 403 || status === 404 || status === 405)
    return make(
      'REGISTRY_REFUSED',
      `${name} does not let you ${what}${said}`,
      'is the path one that you may push to? --openshift-registry=HOST/PATH',
    );
  if (status === 429)
    return make('REGISTRY_SLOW', `${name} has had too many requests to ${what}${said}`, 'try again later');
  // It means what was sent, and would say the same again; 408 is the one that means the time it took.
  if (status >= 400 && status < 500 && status !== 408)
    return make(
      'REGISTRY_REJECTED',
      `${name} did not take what was sent and could not ${what}: it answered ${status}${said}`,
      'give the same command again, or use another one: --openshift-registry=HOST/PATH',
    );
  return make(
    'REGISTRY_FAILED',
    `${name} could not ${what}: it answered ${status}${said}`,
    'try again, or use another one: --openshift-registry=HOST/PATH',
  );
}

export function loginHint({ name, logIn }: Pick<RegistryWire, 'name' | 'logIn'>): string {
  return logIn ?? `podman login ${name.split('/')[0]}`;
}

/** A registry that says one thing and holds another. */
export function lied(name: string, what: string, claimed: string, actual: string): PaudeError {
  return new PaudeError(
    'REGISTRY_LIED',
    `${name} is not to be trusted: it says ${claimed} of ${what}, which is ${actual}`,
    {
      hint: 'use another registry: --openshift-registry=HOST/PATH',
    },
  );
}

/** The words of the answer, in a form that follows a sentence. */
function wordsOf(body: Buffer): string {
  const text = body.toString('utf8').trim();
  try {
    const { errors = [] } = JSON.parse(text) as { errors?: { code?: string; message?: string }[] };
    const words = errors.map(({ code, message }) => message || code).filter(Boolean);
    return words.length === 0 ? '' : `: ${words.join('; ')}`;
  } catch {
    return /^[^<]{1,300}$/.test(text) ? `: ${text}` : '';
  }
}
