import type { IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { interrupted } from '../../errors.ts';

/** How often a request is given again that the server was too busy for. */
const attempts = 5;

/**
 * Whether a request is to be given again, for the server has too much to do, or ends just then and another one is there
 * soon; waits for as long as it says. Throws INTERRUPTED.
 */
export async function isAskedAgain(
  { statusCode, headers }: IncomingMessage,
  attempt: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const after = Number(headers['retry-after']);
  if (statusCode !== 429 || attempt >= attempts || !Number.isFinite(after)) return false;
  await wait(after * 1000, undefined, signal && { signal }).catch(() => {
    throw interrupted();
  });
  return true;
}
