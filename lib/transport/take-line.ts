import type { Readable } from 'node:stream';
import { interrupted, PaudeError } from '../errors.ts';

/** Longer than any line that git or a session writes here. */
const longest = 65_536;

/**
 * Takes one line off a stream, without its newline, and not a byte more: what follows stays in the stream for
 * whoever reads next (`readline` would read ahead and lose it). Undefined at the stream's end; a last line
 * without a newline was cut off, and counts as none.
 */
export async function takeLine(stream: Readable, signal?: AbortSignal): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let length = 0;
  for (;;) {
    const chunk = await nextChunk(stream, signal);
    if (chunk === undefined) return undefined;
    const newline = chunk.indexOf(0x0a);
    parts.push(newline === -1 ? chunk : chunk.subarray(0, newline));
    length += parts.at(-1)!.length;
    if (newline !== -1) {
      if (newline + 1 < chunk.length) stream.unshift(chunk.subarray(newline + 1));
      return Buffer.concat(parts).toString('utf8');
    }
    if (length > longest) throw new PaudeError('CONNECTION_LOST', 'a line was expected, and has no end');
  }
}

/** What the stream has now, waiting for it if need be. Undefined at its end. */
function nextChunk(stream: Readable, signal: AbortSignal | undefined): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      stream.off('readable', look).off('end', end).off('close', end).off('error', fail);
      signal?.removeEventListener('abort', abort);
      act();
    };
    const look = () => {
      const chunk = stream.read() as Buffer | null;
      if (chunk !== null) settle(() => resolve(chunk));
    };
    const end = () => settle(() => resolve(undefined));
    const fail = (error: Error) => settle(() => reject(error));
    const abort = () => settle(() => reject(interrupted()));
    if (signal?.aborted) return reject(interrupted());
    if (stream.readableEnded || stream.destroyed) return resolve(undefined);
    stream.on('readable', look).on('end', end).on('close', end).on('error', fail);
    signal?.addEventListener('abort', abort);
    look();
  });
}

/** Calls `ended` when the stream ends, while nobody reads it; bytes that arrive are kept for the next reader. */
export function watchEnd(stream: Readable, ended: () => void): Disposable {
  const look = () => {
    const chunk = stream.read() as Buffer | null;
    if (chunk === null) return;
    stop();
    stream.unshift(chunk);
  };
  const stop = () => void stream.off('readable', look).off('end', ended).off('close', ended);
  stream.on('readable', look).on('end', ended).on('close', ended);
  if (stream.readableEnded || stream.destroyed) ended();
  return { [Symbol.dispose]: stop };
}
