import type { Readable, Writable } from 'node:stream';

/** How a pump ended: the source came to its end and all of it was taken, or nobody takes any more. */
export type PumpEnd = 'drained' | 'refused';

/**
 * Moves bytes at the speed of the slower side. A destination that closes early is not an error here: what is
 * left of the source is thrown away, so that its writer is not stopped by a full pipe, and the end says so.
 * `end` closes the destination after the last byte; without it the destination stays open.
 */
export async function pump(
  source: Readable,
  destination: Writable,
  { end }: { readonly end: boolean },
): Promise<PumpEnd> {
  return await new Promise<PumpEnd>((resolve) => {
    const refused = () => {
      source.unpipe(destination);
      source.resume();
      resolve('refused');
    };
    const drained = () => {
      destination.off('close', refused);
      // The callback comes once everything that was written before is out.
      if (end || destination.destroyed) resolve('drained');
      else destination.write('', () => resolve('drained'));
    };
    // An error of the source means that no more comes; why is told by the tunnel's exit.
    source.once('end', drained).once('close', drained).on('error', drained);
    destination.on('error', refused).once('close', refused);
    if (source.readableEnded) drained();
    else source.pipe(destination, { end });
  });
}

/** Writes a text and waits until it is out. A reader that has gone is nobody to tell. */
export function say(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || !stream.writable) return resolve();
    stream.once('close', resolve);
    stream.write(text, () => {
      stream.off('close', resolve);
      resolve();
    });
  });
}
