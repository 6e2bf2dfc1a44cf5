import { lstatSync, realpathSync } from 'node:fs';
import { sep } from 'node:path';
import type { Source } from './plan.ts';
import { unreadable } from './read-stable.ts';

/** A file where it really is, and its size in bytes; or why there is none. */
export type NamedFile =
  | { readonly source: Extract<Source, { type: 'file' | 'unreadable' }>; readonly size: number }
  | { readonly why: string };

/**
 * A file that the user named: links are followed. In a folder, as walkFolder finds files there, only those that do not
 * leave it.
 */
export function namedFile(path: string, folder?: string): NamedFile {
  try {
    const real = realpathSync(path);
    if (folder !== undefined && !real.startsWith(realpathSync(folder) + sep))
      return { why: 'a link that leaves the folder' };
    return { source: { type: 'file', path: real }, size: lstatSync(real).size };
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { why: 'not there' };
    return { source: { type: 'unreadable', why: unreadable(code) }, size: 0 };
  }
}

/** Where something really is; where that can't be seen, as it was named. */
export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
