import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PaudeError } from '../errors.ts';
import { isNamespace } from '../names.ts';

/** One place a line, as JSON: a line is added in one write, so that two commands at once both add theirs. */
const store = 'places.jsonl';

/** Podman here, or a namespace of a cluster, in which the user has made or used a session. */
export type UsedPlace =
  | { readonly backend: 'podman' }
  | { readonly backend: 'kubernetes'; readonly context: string; readonly namespace: string };

/**
 * The places that the user has used, from the user's own folder: no other cluster is ever contacted unasked. Throws
 * CONFIG_INVALID.
 */
export async function usedPlaces(userFolder: string): Promise<readonly UsedPlace[]> {
  const path = join(userFolder, store);
  try {
    const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
    return [...new Set(lines)].map(parsePlace);
  } catch (cause) {
    const { code, syscall, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    const hint = syscall === undefined ? `rm ${path}` : `ls -ld ${path}`;
    throw new PaudeError('CONFIG_INVALID', `${path} can't be read: ${message}`, { hint, cause });
  }
}

/** Remembers a place; nothing is written when it is known already. Throws CONFIG_INVALID. */
export async function rememberPlace(userFolder: string, place: UsedPlace): Promise<void> {
  const line = lineOf(place);
  if ((await usedPlaces(userFolder)).some((known) => lineOf(known) === line)) return;
  const path = join(userFolder, store);
  try {
    await mkdir(userFolder, { recursive: true });
    await appendFile(path, `${line}\n`, { mode: 0o600 });
  } catch (cause) {
    throw new PaudeError('CONFIG_INVALID', `${path} can't be written: ${(cause as Error).message}`, {
      hint: `ls -ld ${userFolder}`,
      cause,
    });
  }
}

/** Of a cluster its context and namespace, as in files from before Podman was remembered. */
function lineOf(place: UsedPlace): string {
  if (place.backend === 'podman') return JSON.stringify({ backend: 'podman' });
  const { context, namespace } = place;
  return JSON.stringify({ context, namespace });
}

function parsePlace(line: string): UsedPlace {
  const { backend, context, namespace } = (JSON.parse(line) ?? {}) as Partial<Record<string, unknown>>;
  if (backend === 'podman') return { backend };
  if (typeof context !== 'string' || typeof namespace !== 'string' || !isNamespace(namespace))
    throw new TypeError('it is not a place');
  return { backend: 'kubernetes', context, namespace };
}
