import { lstatSync, readdirSync, readlinkSync, realpathSync, type Dirent, type Stats } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import type { Source } from './plan.ts';
import { unreadable } from './read-stable.ts';

/**
 * A file or link below a folder, or why something is neither. What can't be read now may be anything: a folder's path
 * ends with a slash, and that of the folder itself is empty. Paths are relative to the folder.
 */
export type Found =
  | { readonly type: 'file'; readonly path: string; readonly size: number }
  | { readonly type: 'link'; readonly path: string; readonly target: string }
  | { readonly type: 'odd'; readonly path: string; readonly size: number; readonly why: string }
  | { readonly type: 'unreadable'; readonly path: string; readonly why: string };

/** Of a file, link or folder that is none: there is nothing else to be found there. */
const gone: Readonly<Record<string, string>> = {
  ELOOP: 'a link that goes round in a circle',
  ENOTDIR: 'its folder is none any more',
  ENOENT: 'it vanished',
};

/**
 * Everything below a folder, in the order of the names. Links are not followed: one to somewhere in the folder is
 * given as it is, made relative; one that leaves it is odd. `prune` says which folders not to look into.
 * A folder that is not there is empty.
 */
export function walkFolder(root: string, prune: (path: string) => boolean): readonly Found[] {
  let real: string;
  try {
    real = realpathSync(root);
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? [] : [failed('', codeOf(error))];
  }
  return below(real, '', prune);
}

/** Where the content comes from of what was found below this folder. */
export function sourceOf(entry: Exclude<Found, { type: 'odd' }>, root: string): Source {
  return entry.type === 'file' ? { type: 'file', path: join(root, entry.path) } : entry;
}

/** Bytes; of what is no file, none. */
export function sizeOf(entry: Found): number {
  return 'size' in entry ? entry.size : 0;
}

function below(root: string, folder: string, prune: (path: string) => boolean): readonly Found[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true });
  } catch (error) {
    return [failed(folder === '' ? '' : `${folder}/`, codeOf(error))];
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return prune(`${path}/`) ? [] : below(root, path, prune);
    return [one(root, path, entry)];
  });
}

function one(root: string, path: string, entry: Dirent): Found {
  let stats: Stats;
  try {
    stats = lstatSync(join(root, path));
  } catch (error) {
    // What its bytes are not, Node reads as U+FFFD, and then there is no such file.
    return path.includes('\uFFFD') ? odd(path, 'its name is not UTF-8') : failed(path, codeOf(error));
  }
  if (entry.isSymbolicLink()) return link(root, path);
  if (entry.isFile()) return { type: 'file', path, size: stats.size };
  return odd(path, entry.isSocket() ? 'a socket' : 'not a file');
}

function link(root: string, path: string): Found {
  try {
    const target = realpathSync(join(root, path));
    if (!target.startsWith(root + sep)) return odd(path, `a link that leaves the folder`);
    return { type: 'link', path, target: relative(dirname(join(root, path)), target) || '.' };
  } catch (error) {
    const code = codeOf(error);
    // It may well leave the folder.
    if (code !== 'ENOENT') return odd(path, gone[code] ?? unreadable(code));
    return odd(path, `a link to ${readlinkSync(join(root, path))}, which is not there`);
  }
}

function failed(path: string, code: string): Found {
  const why = gone[code];
  return why === undefined ? { type: 'unreadable', path, why: unreadable(code) } : odd(path, why);
}

function odd(path: string, why: string): Found {
  return { type: 'odd', path, size: 0, why };
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}
