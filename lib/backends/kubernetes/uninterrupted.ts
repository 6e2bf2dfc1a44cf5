import { setTimeout as wait } from 'node:timers/promises';
import { isPaudeError, type PaudeError } from '../../errors.ts';
import { timeLimit } from '../../waiting.ts';
import { ApiStatus } from './api-connection.ts';

/** How long a request may take that an interrupt does not end; milliseconds. */
const patience = 30_000;
/** How long an undo tries to reach the API server again, and between two tries; milliseconds. */
const persistence = 5000;
const pause = 500;
/** What was asked for on a connection that broke may come to be so much later; milliseconds. */
const late = 2000;

/**
 * A request that an interrupt must not end, for it must be known what came of it. That its own time is over is not
 * the user's doing: the server does not answer (ETIMEDOUT). Milliseconds.
 */
export async function uninterrupted<T>(
  request: (signal: AbortSignal) => Promise<T>,
  time = patience,
): Promise<T> {
  const signal = timeLimit(time);
  try {
    return await request(signal);
  } catch (error) {
    if (!signal.aborted || !isPaudeError(error, 'INTERRUPTED')) throw error;
    throw silentFor(time);
  }
}

/** The error of a server that was given so much time; milliseconds. */
export function silentFor(time: number): Error {
  return Object.assign(new Error(`it has not answered for ${time / 1000} s`), { code: 'ETIMEDOUT' });
}

/**
 * Whether what was asked may have been done all the same: the connection broke, or the server took too long. `error` is
 * one of ours.
 */
export function isUncertain({ cause }: PaudeError): boolean {
  return cause !== undefined && !(cause instanceof ApiStatus && cause.code < 500);
}

/** What an undo asks, again where the connection breaks: often that has just done so, and is good the next moment. */
export async function persistent<T>(ask: () => Promise<T>): Promise<T> {
  for (const end = Date.now() + persistence; ; await wait(pause)) {
    try {
      return await ask();
    } catch (error) {
      if (!isPaudeError(error, 'BACKEND_UNREACHABLE') || Date.now() > end) throw error;
    }
  }
}

/** The same until there is something, for as long as what was asked for before may still come to be. */
export async function belated<T>(ask: () => Promise<T | undefined>): Promise<T | undefined> {
  for (const end = Date.now() + late; ; await wait(pause)) {
    const found = await persistent(ask);
    if (found !== undefined || Date.now() >= end) return found;
  }
}
