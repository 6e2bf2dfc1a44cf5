import { setTimeout as wait } from 'node:timers/promises';
import { timeLimit } from '../../waiting.ts';
import { ApiStatus, type ApiConnection } from './api-connection.ts';

/** How the API server is listened for; milliseconds. */
export interface Listening {
  /** Between two questions, and how long each may take. */
  readonly pace: number;
  /** How long it may leave all of them unanswered. */
  readonly silence: number;
}

const usual: Listening = { pace: 10_000, silence: 35_000 };

/**
 * For a stream that another program holds, whose own pings end nothing: gives why it is taken for lost, when the API
 * server has answered nobody here for most of a minute. Each question that was not answered goes over a connection of
 * its own the next time. Never, while it answers, whatever it says; the signal ends the asking.
 */
export async function serverSilence(
  connection: Pick<ApiConnection, 'request' | 'upgrade' | 'server'>,
  signal: AbortSignal,
  { pace, silence }: Listening = usual,
): Promise<Error> {
  for (let heard = Date.now(), pause = pace; ;) {
    await wait(pause, undefined, { signal, ref: false });
    // A login that can't be had just now says nothing of the server, however long that takes.
    const canAsk = await connection.upgrade('/version', {}, signal).then(
      () => true,
      () => false,
    );
    const answered = !canAsk || (await answers(connection, timeLimit(pace, signal)));
    signal.throwIfAborted();
    if (answered) heard = Date.now();
    const silent = Date.now() - heard;
    if (silent >= silence)
      return new Error(`${connection.server.host} has not answered for ${Math.round(silent / 1000)} s`);
    // Who did not answer is asked again soon.
    pause = answered ? pace : pace / 10;
  }
}

async function answers({ request }: Pick<ApiConnection, 'request'>, signal: AbortSignal): Promise<boolean> {
  try {
    await request('GET', '/version', { signal });
    return true;
  } catch (error) {
    return error instanceof ApiStatus;
  }
}
