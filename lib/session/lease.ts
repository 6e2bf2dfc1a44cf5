import type { SessionName } from '../names.ts';
import type { Backend } from './backend.ts';

/** Well below the 45 s of silence after which the session ends what the lease names. */
const heartbeat = 15_000;
/** How long the end over there may take, once it is to come: on a line that is lost it is never heard of. Milliseconds. */
export const parting = 2000;

/** Disposing it without giving it back first ends what it is for. */
export interface Lease extends AsyncDisposable {
  /**
   * What it is for has ended by itself. False where nobody over there held it any more; what is not heard in time is
   * taken for given back, for the end of its input says the same.
   */
  giveBack(): Promise<boolean>;
  /** Its line was lost, or said nothing for too long, before it was given back: what it is for is ended over there. */
  isLost(): boolean;
}

/**
 * Keeps a command of a session alive for as long as this process lives. When it ends, however it ends, the
 * pipe breaks, and the session ends what `id` names: a client that dies leaves nothing behind. At an interrupt it is the
 * lease that ends what is left over there: the signal ends it too, but not before `patience` is over.
 */
export async function takeLease(
  backend: Backend,
  name: SessionName,
  id: string,
  signal: AbortSignal,
  patience = parting,
): Promise<Lease> {
  const late = new AbortController();
  const part = () => void setTimeout(() => late.abort(), patience).unref();
  signal.addEventListener('abort', part, { once: true });
  if (signal.aborted) part();
  const opening = backend.open(name, ['paude-session', 'lease', id], late.signal);
  const unheard = () => signal.removeEventListener('abort', part);
  opening.catch(unheard);
  const tunnel = await opening;
  for (const stream of [tunnel.stdout, tunnel.stderr]) stream.resume();
  // The command that the lease is for tells of a session that died; here the pipe just ends.
  tunnel.stdin.on('error', () => undefined);
  let [isLeft, isLost] = [false, false];
  const ended = tunnel.exit.then(
    (code) => {
      isLost = code === 0 && !isLeft;
      return code === 0;
    },
    () => {
      isLost = !late.signal.aborted;
      return !isLost;
    },
  );
  const timer = setInterval(() => tunnel.stdin.write('.'), heartbeat);
  const end = async (last: string) => {
    isLeft = true;
    clearInterval(timer);
    unheard();
    if (!tunnel.stdin.writableEnded) tunnel.stdin.end(last);
    part();
    const isHeard = await ended;
    await tunnel[Symbol.asyncDispose]();
    return isHeard;
  };
  return {
    giveBack: () => end('x'),
    isLost: () => isLost,
    [Symbol.asyncDispose]: async () => void (await end('')),
  };
}
