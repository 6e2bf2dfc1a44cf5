import { randomUUID } from 'node:crypto';
import { PassThrough, type Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { interrupted } from '../errors.ts';
import type { SessionName } from '../names.ts';
import type { Backend } from './backend.ts';
import { takeLease } from './lease.ts';

export interface Streams {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/**
 * Runs a command in a running session, its streams byte for byte, and gives its exit code. When this process is
 * interrupted or dies, the command is ended. What it did not take of stdin is left there. Throws SESSION_STOPPED, SESSION_UNKNOWN, SESSION_DIED.
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
  const lease = takeLease(backend, name, id).catch(() => undefined);
  const fed = new PassThrough();
  streams.stdin.once('error', (error) => fed.destroy(error)).pipe(fed);
  const keepTheRest = () => {
    streams.stdin.unpipe(fed);
    fed.end();
  };
  void lease.then((held) => held?.over.then(keepTheRest));
  const feeding = pipeline(fed, tunnel.stdin).catch(ignoreClosedPipe);
  try {
    const [code] = await Promise.all([
      tunnel.exit,
      pipeline(tunnel.stdout, streams.stdout, { end: false }),
      pipeline(tunnel.stderr, streams.stderr, { end: false }),
    ]);
    await (await lease)?.giveBack();
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

/** A command may end before it has read all its input, as in `yes | git paude exec NAME -- head -1`. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_PREMATURE_CLOSE' && error.name !== 'AbortError')
    throw error;
}
