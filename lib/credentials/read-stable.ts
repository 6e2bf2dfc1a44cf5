import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  type BigIntStats,
} from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { Refusal } from './plan.ts';

/** How often a file is read that changes meanwhile. */
const tries = 3;
/** Between two tries; milliseconds. */
const pause = 50;

/** The files that a database is in. */
export const databaseSuffixes: readonly string[] = ['', '-journal', '-wal', '-shm'];

export type Reading =
  | { readonly type: 'content'; readonly files: readonly Content[] }
  | { readonly type: 'gone' }
  /** It changed at every try. */
  | { readonly type: 'busy' }
  /** Something else took its place, such as a link. */
  | { readonly type: 'odd'; readonly why: string }
  /** It is there, and can't be read now. */
  | { readonly type: 'refused'; readonly why: string };

export interface Content {
  /** What follows the path that was asked for: of a database's journals, `-wal` and the like. */
  readonly suffix: string;
  readonly content: Buffer;
  readonly executable: boolean;
}

/** Gives memory for so many bytes. */
export type Allocate = (size: number) => Buffer;

/** Memory for one file after the other: what was read is there until the next one is. */
export function sharedMemory(): Allocate {
  let memory = Buffer.allocUnsafeSlow(0);
  return (size) => {
    if (memory.length < size) memory = Buffer.allocUnsafeSlow(Math.max(size, 2 * memory.length));
    return memory.subarray(0, size);
  };
}

/**
 * Reads a file as it was at one moment: size, times and inode are the same before and after, or it is read again. A
 * database is read so with its journals (https://www.sqlite.org/tempfiles.html), all of one moment.
 * `allocate` gives the memory that any other file is read into.
 */
export async function readStable(
  path: string,
  database = false,
  allocate: Allocate = Buffer.allocUnsafe,
): Promise<Reading> {
  for (let attempt = 1; ; attempt++) {
    const reading = database
      ? readOnce(path, databaseSuffixes, Buffer.allocUnsafe)
      : readOnce(path, [''], allocate);
    if (reading.type !== 'busy' || attempt === tries) return reading;
    await wait(pause);
  }
}

function readOnce(path: string, suffixes: readonly string[], allocate: Allocate): Reading {
  const present = suffixes.filter((suffix) => suffix === '' || existsSync(path + suffix));
  try {
    const read = present.map((suffix) => ({ suffix, ...readFile(path + suffix, allocate) }));
    const still = suffixes.filter((suffix) => suffix === '' || existsSync(path + suffix));
    const same = read.every(({ suffix, stats }) => isSame(stats, lstatSync(path + suffix, { bigint: true })));
    if (!same || still.length !== present.length) return { type: 'busy' };
    const files = read.map(({ suffix, content, stats }) => ({
      suffix,
      content,
      executable: (stats.mode & 0o100n) !== 0n,
    }));
    return { type: 'content', files };
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return existsSync(path) ? { type: 'busy' } : { type: 'gone' };
    const odd = odds[code];
    return odd === undefined ? { type: 'refused', why: unreadable(code) } : { type: 'odd', why: odd };
  }
}

const notFile = 'NOT_A_FILE';
/** A socket can't be opened at all. */
const odds: Readonly<Record<string, string>> = {
  ELOOP: 'it became a link',
  ENOTDIR: 'its folder is none any more',
  ENXIO: 'it is no file any more',
  [notFile]: 'it is no file any more',
};

/** What becomes of a file that could not be read. */
export function refusalOf(reading: Exclude<Reading, { type: 'content' }>): Refusal {
  if (reading.type === 'gone') return { why: 'it vanished', keepsOld: false };
  if (reading.type === 'odd') return { why: reading.why, keepsOld: false };
  if (reading.type === 'refused') return { why: reading.why, keepsOld: true };
  return { why: 'it changed while it was read', keepsOld: true };
}

/** Why something can't be read, by the code of the error. */
export function unreadable(code: string): string {
  return code === 'EACCES' ? 'it may not be read' : `it can't be read (${code})`;
}

/** Never waits, not even where a pipe took the file's place, and follows no link. */
function readFile(
  path: string,
  allocate: Allocate,
): { readonly content: Buffer; readonly stats: BigIntStats } {
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(file, { bigint: true });
    if (!stats.isFile()) throw Object.assign(new Error('not a file'), { code: notFile });
    const content = allocate(Number(stats.size));
    let length = 0;
    for (let read = -1; read !== 0 && length < content.length; length += read)
      read = readSync(file, content, length, content.length - length, null);
    return { content: content.subarray(0, length), stats };
  } finally {
    closeSync(file);
  }
}

function isSame(one: BigIntStats, other: BigIntStats): boolean {
  const keys = ['ino', 'dev', 'size', 'mtimeNs', 'ctimeNs'] as const;
  return keys.every((key) => one[key] === other[key]);
}
