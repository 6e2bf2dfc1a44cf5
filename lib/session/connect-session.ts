import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { interrupted, isPaudeError } from '../errors.ts';
import type { SessionName } from '../names.ts';
import type { Terminal } from './backend.ts';
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
 * and connects again, until the session itself is gone or the user gives up: tmux is as it was.
 * Throws LOGIN_MISSING before anything is started, SYNC_FAILED.
 */
export async function connectSession(
  ports: ConnectPorts,
  name: SessionName,
  terminal: Terminal,
  report: Report,
  signal: AbortSignal,
): Promise<number> {
  const { receiver, synced } = await startSession(ports, name, report, signal, ({ missing }) => {
    if (missing !== undefined) throw missing;
  });
  report({ type: 'done', text: `attached to ${name}; Ctrl+b d detaches` });
  const { credentials } = receiver;
  const over = new AbortController();
  if (credentials !== undefined && synced !== undefined) {
    const { backend, pace = usualPace } = ports;
    void keepFresh({ backend, credentials }, name, synced.login, pace, over.signal);
  }
  try {
    return await attachAgain(ports, name, terminal, report, signal);
  } finally {
    over.abort();
  }
}

async function attachAgain(
  ports: ConnectPorts,
  name: SessionName,
  terminal: Terminal,
  report: Report,
  signal: AbortSignal,
): Promise<number> {
  let lost = -Infinity;
  for (let failures = 0; ; failures++) {
    const begun = Date.now();
    try {
      return await attachOnce(ports, name, terminal, signal);
    } catch (error) {
      if (signal.aborted) throw interrupted();
      const refused = isPaudeError(error, 'FORBIDDEN') && Date.now() - lost < refusals;
      if (!isPaudeError(error) || !(passing.has(error.code) || refused)) throw error;
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

/** For how long a server that was just started may refuse what it allowed before; milliseconds. */
const refusals = 60_000;
/** What may be over in a moment. */
const passing: ReadonlySet<string> = new Set(['CONNECTION_LOST', 'BACKEND_UNREACHABLE']);

async function attachOnce(
  { backend }: StartPorts,
  name: SessionName,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const id = randomUUID();
  await using lease = await takeLease(backend, name, id);
  const code = await backend.attach(name, ['paude-session', 'attach', id], terminal, signal);
  await lease.giveBack();
  return code;
}
