import type { SessionName } from '../names.ts';
import { askSession } from './ask-session.ts';
import { bringCredentials, receiverOf, type CredentialPorts, type Receiver } from './bring-credentials.ts';
import type { Report } from './events.ts';
import { amongSessions, unknownSession } from './resolve-session.ts';
import { secureNetwork, type NetworkPorts } from './secure-network.ts';
import { beginStart, type BackendPorts } from './start-backend.ts';
import type { Synced } from './sync-credentials.ts';

export type StartPorts = BackendPorts & NetworkPorts & CredentialPorts;

/**
 * Starts a session if it does not run, and ends when commands can run in it, its network is proved to be closed, and
 * the user's credentials are there. `check` gets who receives them before anything is started, and may throw. Throws
 * SESSION_UNKNOWN, SESSION_FAILED, NETWORK_UNENFORCED, SYNC_FAILED.
 */
export async function startSession(
  ports: StartPorts,
  name: SessionName,
  report: Report,
  signal: AbortSignal,
  check?: (receiver: Receiver) => void | Promise<void>,
): Promise<{ readonly receiver: Receiver; readonly synced: Synced | undefined }> {
  // Where nothing is to be checked, beside the start, which takes longer; what it says does not change by that.
  const found = receiverOf(ports, name, report, signal);
  found.catch(() => undefined);
  if (check !== undefined) await check(await found);
  const starting = beginStart(ports, name, report, signal);
  const session = found.then((receiver) => receiver.session);
  const proved = amongSessions(ports.backend, name, signal, () =>
    secureNetwork(ports, session, starting, report, signal),
  );
  proved.catch(() => undefined);
  const [receiver] = await Promise.all([found, starting.session]).catch(async (error: unknown) => {
    // What can't be started says so itself.
    await proved;
    throw error;
  });
  // What did not run has nothing in memory.
  const scope = ['created', 'stopped'].includes(receiver.session.state) ? 'fresh' : 'login';
  const bringing =
    ports.credentials === undefined
      ? bringNothing(ports, name, signal)
      : bringCredentials(ports, receiver, scope, report, signal, proved);
  bringing.catch(() => undefined);
  await proved;
  const missing = await receiver.missing();
  if (missing !== undefined) report({ type: 'notice', text: missing.message });
  return { receiver, synced: await bringing };
}

/** Else the next push would take it for a session that was made again by itself, and bring what the user does not want there. */
async function bringNothing(
  { backend }: StartPorts,
  name: SessionName,
  signal: AbortSignal,
): Promise<undefined> {
  const question = { role: 'session', command: ['paude-session', 'credentials'], input: 'none\n' } as const;
  await askSession(backend, name, question, signal);
}

/** Starts what the backend runs, and proves that its network is closed: for commands that bring no credentials. */
export async function startClosed(
  ports: BackendPorts & NetworkPorts,
  name: SessionName,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  const session = ports.backend.get(name, signal).then((found) => {
    if (found === undefined) throw unknownSession(name, []);
    return found;
  });
  await secureNetwork(ports, session, beginStart(ports, name, report, signal), report, signal);
}
