import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { interrupted, isPaudeError, PaudeError } from '../errors.ts';
import type { SessionName } from '../names.ts';
import type { Backend, Terminal } from './backend.ts';
import type { Receiver } from './bring-credentials.ts';
import type { Report } from './events.ts';
import { keepFresh, usualPace, type Pace } from './keep-fresh.ts';
import { takeLease } from './lease.ts';
import { startSession, type StartPorts } from './start-session.ts';

/** How long to wait before each next try to connect again; the last one counts for all further. Milliseconds. */
const backoff = [0, 500, 1000, 2000, 4000, 8000] as const;

export interface ConnectPorts extends StartPorts {
  /** How often the user's login is looked at while connected. */
  readonly pace?: Pace;
}

/**
 * Starts a session if need be, brings the user's credentials and attaches the terminal to its tmux. Ends with tmux's exit code: 0 when the
 * user detached. A terminal that vanishes is detached on the far side, too. When the connection drops, it says so
 * and connects again, until the session itself is gone or the user gives up: tmux is as it was, or in a session that
 * was made again meanwhile, its network proved and the credentials there.
 * Throws LOGIN_MISSING before anything is started, SYNC_FAILED, also where a connection that was made again can't bring them.
 */
export async function connectSession(
  ports: ConnectPorts,
  name: SessionName,
  terminal: Terminal,
  report: Report,
  signal: AbortSignal,
): Promise<number> {
  const once = noticesOnce(report);
  const first = await startSession(ports, name, once, signal, async (receiver) => {
    const missing = await receiver.missing();
    if (missing !== undefined) throw missing;
  });
  let lost = -Infinity;
  let unsynced = 0;
  for (let failures = 0, next: Started | undefined = first; ; failures++, next = undefined) {
    let begun = Infinity;
    try {
      const started = next ?? (await startSession(ports, name, once, signal, assertToRun));
      report({ type: 'done', text: `attached to ${name}; Ctrl+b d detaches` });
      begun = Date.now();
      unsynced = 0;
      return await attachFresh(ports, name, terminal, started, signal);
    } catch (error) {
      if (signal.aborted) throw interrupted();
      const refused = isPaudeError(error, 'FORBIDDEN') && Date.now() - lost < refusals;
      if (!isPaudeError(error) || !(passing.has(error.code) || refused)) throw error;
      if (isPaudeError(error, 'SYNC_FAILED') && ++unsynced === syncs) throw error;
      // One that held for a while was a good one.
      if (Date.now() - begun > backoff.at(-1)!) failures = 0;
      if (failures === 0) {
        lost = Date.now();
        report({ type: 'notice', text: `${error.message}; connecting again (Ctrl+C gives up)` });
      }
    }
    const pause = backoff[Math.min(failures, backoff.length - 1)]!;
    await wait(pause, undefined, { signal }).catch(() => {
      throw interrupted();
    });
  }
}

type Started = Awaited<ReturnType<typeof startSession>>;

/** However often it is tried again, a sentence is said once. */
function noticesOnce(report: Report): Report {
  const said = new Set<string>();
  return (event) => {
    if (event.type === 'notice' && said.has(event.text)) return;
    if (event.type === 'notice') said.add(event.text);
    report(event);
  };
}

/** Who only lost the connection does not start what somebody has stopped meanwhile. Throws SESSION_STOPPED. */
function assertToRun({ session: { state, reason, location } }: Receiver): void {
  if (state === 'running' || state === 'starting') return;
  const why = reason === undefined ? '' : `: ${reason}`;
  throw new PaudeError('SESSION_STOPPED', `the session ${location.name} is ${state}${why}`, {
    hint: `git paude connect ${location.name}`,
  });
}

/** For how long a server that was just started may refuse what it allowed before; milliseconds. */
const refusals = 60_000;
/** How often in a row the credentials may fail to arrive: a pod that dies meanwhile looks the same. */
const syncs = 3;
/** What may be over in a moment. */
const passing: ReadonlySet<string> = new Set(['CONNECTION_LOST', 'BACKEND_UNREACHABLE', 'SYNC_FAILED']);

/** Attaches, and beside it sends a login that changes at home. */
async function attachFresh(
  ports: ConnectPorts,
  name: SessionName,
  terminal: Terminal,
  { receiver: { credentials }, synced }: Started,
  signal: AbortSignal,
): Promise<number> {
  const { backend, pace = usualPace } = ports;
  const over = new AbortController();
  if (credentials !== undefined && synced !== undefined)
    void keepFresh({ backend, credentials }, name, synced.login, pace, over.signal);
  try {
    return await attachOnce(backend, name, terminal, signal);
  } finally {
    over.abort();
  }
}

async function attachOnce(
  backend: Backend,
  name: SessionName,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const id = randomUUID();
  await using lease = await takeLease(backend, name, id, signal);
  const code = await backend.attach(name, ['paude-session', 'attach', id], terminal, signal);
  await lease.giveBack();
  return code;
}
