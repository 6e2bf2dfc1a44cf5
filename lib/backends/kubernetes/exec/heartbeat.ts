import type { Socket } from 'node:net';
import type WebSocket from 'ws';

/** How often the server is pinged, in milliseconds, and how many pings it may miss. */
export const usualInterval = 5000;
const misses = 9;
/** A dead connection is found after one interval less than this, or after this; milliseconds. */
export const foundWithin = (misses + 1) * usualInterval;

const silent = 'the server has stopped answering';
const stuck =
  'nothing more was taken; the server has stopped answering, or the command does not read its input';

/**
 * Pings the server, so that a balancer sees traffic, and calls `dead` when it gives no sign of life. Any byte that
 * arrives is one, and so is a byte of a backlog that leaves: on a slow line the pong has to queue. A server paused for
 * 20 s passes. It is counted in pings, not by the clock, so that a laptop's sleep is no death. While `paused` says
 * that we read nothing ourselves, silence proves nothing. A server that takes nothing because the command does not read
 * is silent too (it reads no ping before what came first), and can't be told from a dead one: both are given up.
 */
export function heartbeat(
  ws: WebSocket,
  socket: Socket,
  interval: number,
  paused: () => boolean,
  dead: (why: string) => void,
): Disposable {
  let missed = 0;
  let read = socket.bytesRead;
  let left = 0;
  let backlog = 0;
  const timer = setInterval(() => {
    const waiting = ws.bufferedAmount;
    const gone = socket.bytesWritten - socket.writableLength;
    const alive = socket.bytesRead !== read || (backlog > 0 && gone > left);
    read = socket.bytesRead;
    left = gone;
    backlog = waiting;
    missed = alive || paused() ? 0 : missed + 1;
    if (missed >= misses) return dead(waiting === 0 ? silent : stuck);
    // One behind a backlog that does not move is enough.
    if (waiting === 0 || missed === 0) ws.ping();
  }, interval);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
