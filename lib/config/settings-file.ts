import { cosmiconfig, type Loader } from 'cosmiconfig';
import { distance } from 'fastest-levenshtein';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { parse, printParseErrorCode, type ParseError } from 'jsonc-parser';
import { PaudeError } from '../errors.ts';
import { options } from './options.ts';

export interface SettingsFile {
  readonly path: string;
  /** The very text, for the hash that the user's consent is remembered by. */
  readonly text: string;
  readonly values: ReadonlyMap<string, unknown>;
}

/** No settings need more. Bytes. */
const largest = 256 * 1024;

/**
 * Reads one file of settings, JSON with comments. Undefined where there is none. Nothing but this very file is
 * looked at, and nothing is ever run: the search of cosmiconfig and its JavaScript loaders are off.
 * Throws CONFIG_INVALID with the line and column.
 */
export async function readSettingsFile(path: string): Promise<SettingsFile | undefined> {
  const text = await readPlainFile(path);
  if (text === undefined) return undefined;
  const load: Loader = () => parseSettings(path, text);
  const explorer = cosmiconfig('paude', {
    searchStrategy: 'none',
    searchPlaces: [],
    loaders: { '.json': load, noExt: load },
    cache: false,
  });
  const loaded = await explorer.load(path);
  const values = new Map(Object.entries((loaded?.config ?? {}) as Record<string, unknown>));
  for (const key of values.keys()) checkKey(path, text, key);
  return { path, text, values };
}

/** A file's text. A link, a pipe or a device in its place, or a huge file, is refused: the repository chose it. */
export async function readPlainFile(path: string): Promise<string | undefined> {
  let handle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
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

function parseSettings(path: string, text: string): unknown {
  const errors: ParseError[] = [];
  const value: unknown = parse(text, errors, { allowTrailingComma: true });
  const [first] = errors;
  if (first !== undefined) {
    throw invalid(`${path}:${position(text, first.offset)}: ${printParseErrorCode(first.error)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(`${path}:1:1: the settings are not an object`);
  }
  return value;
}

function checkKey(path: string, text: string, key: string): void {
  // For editors: it names the schema.
  if (key === '$schema') return;
  const keys = options.map((option) => option.key);
  if ((keys as readonly string[]).includes(key)) return;
  const nearest = [...keys].sort((a, b) => distance(a, key) - distance(b, key))[0];
  const where = position(text, Math.max(0, text.indexOf(JSON.stringify(key))));
  throw new PaudeError('CONFIG_INVALID', `${path}:${where}: there is no setting ${JSON.stringify(key)}`, {
    hint: `the nearest is ${JSON.stringify(nearest)}`,
  });
}

function position(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n');
  return `${before.length}:${before.at(-1)!.length + 1}`;
}

function invalid(message: string, cause?: unknown): PaudeError {
  return new PaudeError('CONFIG_INVALID', message, {
    hint: 'mend the file; .paude.example.json shows every key',
    cause,
  });
}
