import { randomUUID } from 'node:crypto';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { interrupted } from '../errors.ts';
import type { SessionName } from '../names.ts';
import type { Backend } from './backend.ts';
import { takeLease } from './lease.ts';
import { unproved } from './unproved.ts';

export interface Streams {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/**
 * Runs a command in a running session, its streams byte for byte, and gives its exit code. When this process is
 * interrupted or dies, the command is ended. What it did not take of stdin is left there. Throws SESSION_STOPPED,
 * SESSION_UNKNOWN, SESSION_DIED, and NETWORK_UNPROVED where the session refuses to begin it.
 */
export async function execInSession(
  backend: Backend,
  name: SessionName,
  command: readonly string[],
  streams: Streams,
  signal: AbortSignal,
): Promise<number> {
  const id = randomUUID();
  await using tunnel = await backend.open(name, ['paude-session', 'run', id, '--', ...command], signal);
  // Where no lease can be had the command can't run either, and its own error says why.
  const lease = takeLease(backend, name, id, signal).catch(() => undefined);
  const fed = new PassThrough();
  streams.stdin.once('error', (error) => fed.destroy(error)).pipe(fed);
  const keepTheRest = () => {
    streams.stdin.unpipe(fed);
    fed.end();
  };
  void lease.then((held) => held?.over.then(keepTheRest));
  const feeding = pipeline(fed, tunnel.stdin).catch(ignoreClosedPipe);
  let isRefused = false;
  const said = withoutWord(`paude unproved ${id}\n`, () => (isRefused = true));
  try {
    const [code] = await Promise.all([
      tunnel.exit,
      pipeline(tunnel.stdout, streams.stdout, { end: false }),
      pipeline(tunnel.stderr, said, streams.stderr, { end: false }),
    ]);
    await (await lease)?.giveBack();
    if (isRefused) throw unproved(name);
    return code;
  } catch (error) {
    throw signal.aborted ? interrupted() : error;
  } finally {
    keepTheRest();
    fed.destroy();
    await feeding;
    await (await lease)?.[Symbol.asyncDispose]();
  }
}

/** Passes on what is said, but for a word of the session's own at its beginning, which is told instead. */
function withoutWord(word: string, tell: () => void) {
  return async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let held: Buffer | undefined = Buffer.alloc(0);
    for await (const chunk of chunks) {
      if (held === undefined) {
        yield chunk;
        continue;
      }
      held = Buffer.concat([held, chunk]);
      const begins = held.toString('latin1');
      if (word.startsWith(begins) && begins !== word) continue;
      const isWord = begins.startsWith(word);
      if (isWord) tell();
      yield isWord ? held.subarray(word.length) : held;
      held = undefined;
    }
    if (held !== undefined) yield held;
  };
}

/** A command may end before it has read all its input, as in `yes | git paude exec NAME -- head -1`. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_PREMATURE_CLOSE' && error.name !== 'AbortError')
    throw error;
}
