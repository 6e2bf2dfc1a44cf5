import { createHash } from 'node:crypto';
import { mkdir, readFile, realpath, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { PaudeError } from '../errors.ts';
import { shown } from './parse-settings.ts';
import { readPlainFile, type SettingsFile } from './settings-file.ts';

const store = 'trusted.json';

/** Whether the user has allowed this very content: the file's, and that of the containerfile it names. */
export async function isTrusted(
  file: SettingsFile,
  topLevel: string | undefined,
  userFolder: string,
): Promise<boolean> {
  return (await trusted(userFolder)).includes(await contentOf(file, topLevel));
}

/** Remembers that the user allows this very content. Throws CONFIG_INVALID. */
export async function trust(
  file: SettingsFile,
  topLevel: string | undefined,
  userFolder: string,
): Promise<void> {
  const content = await contentOf(file, topLevel);
  const all = new Set([...(await trusted(userFolder)), content]);
  const path = join(userFolder, store);
  try {
    await mkdir(userFolder, { recursive: true });
    const next = `${path}.${process.pid}`;
    await writeFile(next, `${JSON.stringify([...all], null, 2)}\n`, { mode: 0o600 });
    await rename(next, path);
  } catch (cause) {
    const message = `${path} can't be written: ${(cause as Error).message}`;
    throw new PaudeError('CONFIG_INVALID', message, { hint: `ls -ld ${userFolder}`, cause });
  }
}

async function trusted(userFolder: string): Promise<readonly string[]> {
  try {
    const all: unknown = JSON.parse(await readFile(join(userFolder, store), 'utf8'));
    if (!Array.isArray(all)) throw new TypeError('it is not a list');
    return all as readonly string[];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw new PaudeError('CONFIG_INVALID', `${join(userFolder, store)} can't be read`, {
      hint: `remove it: rm ${join(userFolder, store)}`,
      cause: error,
    });
  }
}

async function contentOf(file: SettingsFile, topLevel: string | undefined): Promise<string> {
  const containerfile = await containerfileOf(topLevel, file.values.get('containerfile'));
  return createHash('sha256')
    .update(JSON.stringify([file.text, containerfile ?? null]))
    .digest('hex');
}

/** The text of the containerfile that a setting names: a plain file of the work tree. Throws CONFIG_INVALID. */
export async function containerfileOf(
  topLevel: string | undefined,
  named: unknown,
): Promise<string | undefined> {
  if (typeof named !== 'string') return undefined;
  const text = await textInside(topLevel ?? process.cwd(), named);
  if (text !== undefined) return text;
  throw new PaudeError(
    'CONFIG_INVALID',
    `the containerfile ${shown(named)} is not a file of the repository`,
    {
      hint: 'name it from the top of the work tree, such as .paude/Containerfile',
    },
  );
}

/** The text of a plain file below a folder; no part of its path may be a link that leads out. */
async function textInside(top: string, named: string): Promise<string | undefined> {
  if (isAbsolute(named) || named.includes('\0') || leaves(top, resolve(top, named))) return undefined;
  let folder: string;
  try {
    folder = await realpath(dirname(resolve(top, named)));
    if (leaves(await realpath(top), folder)) return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return undefined;
    throw error;
  }
  return readPlainFile(join(folder, basename(named)));
}

function leaves(top: string, path: string): boolean {
  const way = relative(top, path);
  return way === '..' || way.startsWith(`..${sep}`);
}
