import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { invalid, parseSettings, type ParsedSettings } from './parse-settings.ts';

export interface SettingsFile extends ParsedSettings {
  readonly path: string;
  /** The very text, for the hash that the user's consent is remembered by. */
  readonly text: string;
}

/** Whether a file may be a symbolic link: the user's own may, a stranger's may lead anywhere. */
type Links = 'links' | 'no links';

/** No settings need more. Bytes. */
const largest = 256 * 1024;

/**
 * Reads one file of settings, JSON with comments. Undefined where there is none. Nothing but this very file is
 * looked at, and nothing is ever run. Throws CONFIG_INVALID with the line and column.
 */
export async function readSettingsFile(
  path: string,
  links: Links = 'no links',
): Promise<SettingsFile | undefined> {
  const text = await readPlainFile(path, links);
  if (text === undefined) return undefined;
  // Where there is no file, as mostly, cosmiconfig is not even read.
  const { explore } = await import('./explore.ts');
  // Inside a wrapper of ours: in what a loader gives, cosmiconfig follows the key $import to other files.
  const loaded = await explore(path, () => ({ parsed: parseSettings(path, text) }));
  const { parsed } = (loaded ?? {}) as { readonly parsed?: ParsedSettings };
  // cosmiconfig asks no loader about an empty file.
  return { path, text, ...(parsed ?? parseSettings(path, text)) };
}

/** A file's text. A pipe or a device in its place, or a huge file, is refused, and so is a link that may not be. */
export async function readPlainFile(path: string, links: Links = 'no links'): Promise<string | undefined> {
  const noFollow = links === 'links' ? 0 : constants.O_NOFOLLOW;
  let handle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | noFollow);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw invalid(
      `${path} can't be read: ${code === 'ELOOP' ? 'it is a symbolic link' : (cause as Error).message}`,
      cause,
    );
  }
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw invalid(`${path} is not a file`);
    if (found.size > largest) throw invalid(`${path} has more than ${largest} bytes`);
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}
