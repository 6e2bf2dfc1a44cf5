import type { SessionName } from '../names.ts';
import type { Backend } from './backend.ts';

/** Well below the 45 s of silence after which the session ends what the lease names. */
const heartbeat = 15_000;

/** Disposing it without giving it back first ends what it is for. */
export interface Lease extends AsyncDisposable {
  /** Settled when the command has ended over there; it may not read its input any more. */
  readonly over: Promise<void>;
  /** What it is for has ended by itself. */
  giveBack(): Promise<void>;
}

/**
 * Keeps a command of a session alive for as long as this process lives. When it ends, however it ends, the
 * pipe breaks, and the session ends what `id` names: a client that dies leaves nothing behind.
 */
export async function takeLease(backend: Backend, name: SessionName, id: string): Promise<Lease> {
  // Not by the signal of the command: at an interrupt it is the lease that ends what is left over there.
  const tunnel = await backend.open(name, ['paude-session', 'lease', id], new AbortController().signal);
  const over = new Promise<void>((resolve) => void tunnel.stdout.once('data', () => resolve()));
  tunnel.stderr.resume();
  // The command that the lease is for tells of a session that died; here the pipe just ends.
  tunnel.stdin.on('error', () => undefined);
  const ended = tunnel.exit.catch(() => undefined);
  const timer = setInterval(() => tunnel.stdin.write('.'), heartbeat);
  const end = async (last: string) => {
    clearInterval(timer);
    if (!tunnel.stdin.writableEnded) tunnel.stdin.end(last);
    await ended;
    await tunnel[Symbol.asyncDispose]();
  };
  return { over, giveBack: () => end('x'), [Symbol.asyncDispose]: () => end('') };
}
