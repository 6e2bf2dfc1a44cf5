import { lstatSync, realpathSync } from 'node:fs';

/** A file that the user named, where it really is when that is a link, and its size in bytes; undefined without one. */
export function namedFile(path: string): { readonly path: string; readonly size: number } | undefined {
  try {
    const real = realpathSync(path);
    return { path: real, size: lstatSync(real).size };
  } catch {
    return undefined;
  }
}
