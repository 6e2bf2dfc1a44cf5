import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { PaudeError } from '../errors.ts';
import { printable } from '../printable.ts';
import type { Parcel, Part } from '../session/credentials.ts';
import { joinPlans, type Going, type Plan, type Refusal } from './plan.ts';
import { databaseSuffixes, readStable, refusalOf, sharedMemory, type Allocate } from './read-stable.ts';
import { newArchive, roomFor, type TarEntry } from './tar.ts';

/** What one sync may bring; bytes. The session's memory for it holds an old and a new one of each part. */
export const sizeLimit = 96 * 2 ** 20;
/** A file takes whole pages of memory, however small it is; bytes. */
const page = 4096;
/** After how many files the connections that are opened meanwhile have a turn. */
const atOnce = 16;
/** What is said of what can't be read now. */
export const oldStays = "the session's old copy stays";
/** How many of the largest files are named. */
const named = 3;

/** Reads what goes of one part, each file as it was at one moment. */
export async function pack(plan: Plan, part: Part): Promise<Parcel> {
  const going = plan.going.filter((one) => one.part === part);
  const archive = newArchive(going.reduce((sum, { size }) => sum + roomFor(size), 0));
  const memory = sharedMemory();
  const notices: string[] = [];
  /** The session copies these from what it has. */
  const kept: string[] = [];
  for (const [index, one] of going.entries()) {
    if (index % atOnce === 0) await turn();
    const read = await contentOf(one, memory);
    if ('why' in read) {
      const old = read.keepsOld ? `; ${oldStays}` : '';
      notices.push(`${printable(one.from)} stays: ${read.why}${old}`);
      const suffixes = one.source.type === 'database' ? databaseSuffixes : [''];
      if (read.keepsOld) kept.push(...suffixes.map((suffix) => one.to + suffix));
    }
    // Copied before the next one is read into the same memory.
    if ('entries' in read) for (const entry of read.entries) archive.add(entry);
  }
  if (kept.length > 0)
    archive.add({ path: 'keep', content: Buffer.from(kept.map((path) => `${path}\0`).join('')) });
  const body = archive.end();
  const digest = createHash('sha256').update(body).digest('hex');
  return { part, digest, body, notices, incomplete: kept.length > 0 };
}

/** A plan as it turns out when all is read: only then it is known of some files that they stay. */
export async function tryOut({ going, staying }: Plan): Promise<Plan> {
  const memory = sharedMemory();
  const plans: Plan[] = [{ going: [], staying }];
  for (const one of going) {
    const read = await contentOf(one, memory);
    const { from, size } = one;
    if ('entries' in read) plans.push({ going: [one], staying: [] });
    else if (!read.keepsOld) plans.push({ going: [], staying: [{ from, why: read.why, size }] });
    else plans.push({ going: [{ ...one, source: { type: 'unreadable', why: read.why } }], staying: [] });
  }
  return joinPlans(plans);
}

/** What a session with so much memory may be sent; bytes. The copy in its home counts on that, and the agent needs most. */
export function roomIn(memory: number | undefined): number {
  return memory === undefined ? sizeLimit : Math.min(sizeLimit, Math.floor(memory / 4));
}

/** Throws CREDENTIALS_TOO_LARGE, before anything is read. */
export function checkSize(going: readonly Going[], room: number, session = 'NAME'): void {
  const total = going.reduce((sum, { size }) => sum + Math.ceil(size / page) * page, 0);
  if (total <= room) return;
  const largest = [...going].sort((a, b) => b.size - a.size).slice(0, named);
  const names = largest.map(({ from, size }) => `${printable(from)} (${megabytes(size)})`).join(', ');
  throw new PaudeError(
    'CREDENTIALS_TOO_LARGE',
    `${megabytes(total)} would go into the session's memory, and there is room for ${megabytes(room)}; the largest are ${names}`,
    {
      hint: `move them out of the folder (git paude sync --dry-run lists all), or go on without: git paude connect ${session} --no-sync`,
    },
  );
}

export function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(bytes < 2 ** 20 ? 2 : 0)} MiB`;
}

type Read = { readonly entries: readonly TarEntry[] } | Refusal;

async function contentOf(one: Going, memory: Allocate): Promise<Read> {
  const { source, to } = one;
  if (source.type === 'content') return { entries: [{ path: to, content: source.content }] };
  if (source.type === 'unreadable') return { why: source.why, keepsOld: true };
  if (source.type === 'link') return { entries: [{ path: to, target: source.target }] };
  const reading = await readStable(source.path, source.type === 'database', memory);
  if (reading.type !== 'content') return refusalOf(reading);
  const entries: TarEntry[] = [];
  for (const { suffix, content, executable } of reading.files) {
    const changed = one.change === undefined ? content : one.change(content);
    if ('why' in changed) return changed;
    entries.push({ path: to + suffix, content: changed, executable });
  }
  return { entries };
}
