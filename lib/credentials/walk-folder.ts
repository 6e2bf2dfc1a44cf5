import { lstatSync, readdirSync, readlinkSync, realpathSync, type Dirent, type Stats } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { unreadable } from './read-stable.ts';

/** A file or link below a folder, or why something is neither. Paths are relative to the folder. */
export type Found =
  | { readonly type: 'file'; readonly path: string; readonly size: number }
  | { readonly type: 'link'; readonly path: string; readonly target: string }
  | { readonly type: 'odd'; readonly path: string; readonly size: number; readonly why: string };

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
    if (codeOf(error) === 'ENOENT') return [];
    return [odd('', `it can't be reached (${codeOf(error)})`)];
  }
  return below(real, '', prune);
}

function below(root: string, folder: string, prune: (path: string) => boolean): readonly Found[] {
  let entries: Dirent[];
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true });
  } catch (error) {
    return [odd(`${folder}/`, unreadable(codeOf(error)))];
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
    const why = path.includes('\uFFFD') ? 'its name is not UTF-8' : unreadable(codeOf(error));
    return odd(path, why);
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
    if (code === 'ELOOP') return odd(path, 'a link that goes round in a circle');
    const where = readlinkSync(join(root, path));
    return odd(
      path,
      code === 'ENOENT' ? `a link to ${where}, which is not there` : unreadable(codeOf(error)),
    );
  }
}

function odd(path: string, why: string): Found {
  return { type: 'odd', path, size: 0, why };
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}
