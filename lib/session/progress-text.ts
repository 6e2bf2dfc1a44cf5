import type { SessionEvent } from './events.ts';

type Moved = Extract<SessionEvent, { type: 'progress' }>;

/** How far a step is, in words: `12 MB of 480 MB`. */
export function progressText({ done, total, unit }: Moved): string {
  const amount = (count: number) => (unit === 'B' ? bytes(count) : String(count));
  return total === undefined ? amount(done) : `${amount(done)} of ${amount(total)}`;
}

/** A time in words: `8 s`, `2 min 5 s`. */
export function durationText(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** For where nothing can be written over: says how far a step is at each further quarter of it, once its size is known. */
export function quarterly(): (event: SessionEvent) => string | undefined {
  let told = 0;
  let of: number | undefined;
  return (event) => {
    if (event.type === 'step') told = 0;
    if (event.type !== 'progress' || event.total === undefined) return undefined;
    if (event.total !== of) told = 0;
    of = event.total;
    const quarter = Math.floor((event.done / event.total) * 4);
    if (quarter <= told) return undefined;
    told = quarter;
    return progressText(event);
  };
}

function bytes(count: number): string {
  if (count < 1e6) return `${Math.round(count / 1e3)} kB`;
  return count < 1e10 ? `${Math.round(count / 1e6)} MB` : `${Math.round(count / 1e9)} GB`;
}
