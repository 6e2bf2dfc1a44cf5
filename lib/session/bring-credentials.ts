import type { SessionName } from '../names.ts';
import type { PaudeError } from '../errors.ts';
import type { Backend } from './backend.ts';
import type { Credentials } from './credentials.ts';
import type { Report } from './events.ts';
import { existingNames, unknownSession } from './resolve-session.ts';
import type { Session } from './session.ts';
import { syncCredentials, type Scope, type Synced } from './sync-credentials.ts';

export interface CredentialPorts {
  readonly backend: Backend;
  /** What the user's home has for a session. Undefined where the user wants nothing sent. */
  readonly credentials: ((session: Session) => Promise<Credentials>) | undefined;
}

/** A session, and what of the user's home it is to get. */
export interface Receiver {
  readonly session: Session;
  /** Undefined where it gets nothing. */
  readonly credentials: Credentials | undefined;
  /** Why the agent would find no login; looked for when it is asked first. */
  readonly missing: () => Promise<PaudeError | undefined>;
}

/** Credentials go into sessions of the user's own only: of another's it says so. Throws SESSION_UNKNOWN. */
export async function receiverOf(
  { backend, credentials: open }: CredentialPorts,
  name: SessionName,
  report: Report,
  signal: AbortSignal,
): Promise<Receiver> {
  const [session, user] = await Promise.all([
    backend.get(name, signal),
    open === undefined ? undefined : backend.whoami(signal),
  ]);
  if (session === undefined) throw unknownSession(name, await existingNames(backend, signal));
  const nothing = { session, credentials: undefined, missing: async () => undefined };
  if (open === undefined) return nothing;
  if (session.owner !== user) {
    const text = `the session ${name} is ${session.owner}'s: nothing of your credentials is sent there`;
    report({ type: 'notice', text });
    return nothing;
  }
  const credentials = await open(session);
  let missing: Promise<PaudeError | undefined> | undefined;
  return { session, credentials, missing: () => (missing ??= credentials.missingLogin()) };
}

/**
 * Sends what a receiver is to get, once that is allowed, or where its network was proved to be closed before; undefined
 * where that is nothing. Throws like syncCredentials.
 */
export async function bringCredentials(
  { backend }: CredentialPorts,
  { session, credentials }: Receiver,
  scope: Scope,
  report: Report,
  signal: AbortSignal,
  allowed?: Promise<void>,
): Promise<Synced | undefined> {
  if (credentials === undefined) return undefined;
  const { name } = session.location;
  const synced = await syncCredentials({ backend, credentials }, name, scope, report, signal, allowed);
  await credentials.brought?.().catch((error: unknown) => {
    // The session has what it needs; only the hook knows less.
    if (!(error instanceof Error && 'code' in error)) throw error;
    const text = `what this shell says is not remembered for the hook of git paude: ${error.message}`;
    report({ type: 'notice', text });
  });
  return synced;
}
