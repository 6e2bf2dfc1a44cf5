import type { ImageEvent } from './ensure-image.ts';

type Moved = Extract<ImageEvent, { type: 'progress' }>;

/** apt counts in thousands. */
const units: Readonly<Record<string, number>> = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 };
const amount = (number = '0', unit = 'B') => Math.round(Number(number.replaceAll(',', '')) * units[unit]!);

/**
 * Reads from the lines of a build how many bytes it has fetched: from what apt says of its packages, and
 * `fetch-package` of its one. Podman itself tells nothing of the kind.
 */
export function buildProgress(): (line: string) => Moved | undefined {
  let total: number | undefined;
  let begun = 0;
  return (line) => {
    const [, fetched] = /^fetched (\d+) bytes of \S+$/.exec(line) ?? [];
    if (fetched !== undefined) return { type: 'progress', done: Number(fetched), unit: 'B' };
    const [, need, needUnit] = /^Need to get ([\d.,]+) (k?B|MB|GB)[ /]/.exec(line) ?? [];
    if (need !== undefined) {
      total = amount(need, needUnit);
      begun = 0;
    }
    if (total === undefined) return undefined;
    const [, size, unit] = /^Get:\d+ .*\[([\d.,]+) (k?B|MB|GB)\]$/.exec(line) ?? [];
    if (size !== undefined) {
      // It has begun, and those before it have arrived.
      const done = Math.min(begun, total);
      begun += amount(size, unit);
      return { type: 'progress', done, total, unit: 'B' };
    }
    if (!line.startsWith('Fetched ')) return undefined;
    const done = total;
    total = undefined;
    return { type: 'progress', done, total: done, unit: 'B' };
  };
}
