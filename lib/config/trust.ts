import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { isAbsolute, join, normalize } from 'node:path';
import { PaudeError } from '../errors.ts';
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

/** Remembers that the user allows this very content. */
export async function trust(
  file: SettingsFile,
  topLevel: string | undefined,
  userFolder: string,
): Promise<void> {
  const content = await contentOf(file, topLevel);
  const all = new Set([...(await trusted(userFolder)), content]);
  await mkdir(userFolder, { recursive: true });
  const next = join(userFolder, `${store}.${process.pid}`);
  await writeFile(next, `${JSON.stringify([...all], null, 2)}\n`, { mode: 0o600 });
  await rename(next, join(userFolder, store));
}

async function trusted(userFolder: string): Promise<readonly string[]> {
  try {
    return JSON.parse(await readFile(join(userFolder, store), 'utf8')) as string[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
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
  const path = normalize(named);
  const outside = isAbsolute(path) || path === '..' || path.startsWith('../');
  const folder = topLevel ?? process.cwd();
  const text = outside ? undefined : await readPlainFile(join(folder, path));
  if (text !== undefined) return text;
  throw new PaudeError(
    'CONFIG_INVALID',
    `the containerfile ${JSON.stringify(named)} is not a file of the repository`,
    {
      hint: 'name it from the top of the work tree, such as .paude/Containerfile',
    },
  );
}
