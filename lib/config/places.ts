import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PaudeError } from '../errors.ts';

/** One place a line, as JSON: a line is added in one write, so that two commands at once both add theirs. */
const store = 'places.jsonl';

/** A namespace of a cluster that the user has made or used a session in. */
export interface ClusterPlace {
  readonly context: string;
  readonly namespace: string;
}

/** The clusters that the user has used, from the user's own folder: no other is ever contacted unasked. */
export async function usedPlaces(userFolder: string): Promise<readonly ClusterPlace[]> {
  const path = join(userFolder, store);
  try {
    const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
    return [...new Set(lines)].map(parsePlace);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new PaudeError('CONFIG_INVALID', `${path} can't be read`, { hint: `rm ${path}`, cause: error });
  }
}

/** Remembers a place; nothing is written when it is known already. */
export async function rememberPlace(userFolder: string, { context, namespace }: ClusterPlace): Promise<void> {
  const all = await usedPlaces(userFolder);
  if (all.some((place) => place.context === context && place.namespace === namespace)) return;
  await mkdir(userFolder, { recursive: true });
  await appendFile(join(userFolder, store), `${JSON.stringify({ context, namespace })}\n`, { mode: 0o600 });
}

function parsePlace(line: string): ClusterPlace {
  const { context, namespace } = (JSON.parse(line) ?? {}) as Partial<ClusterPlace>;
  if (typeof context !== 'string' || typeof namespace !== 'string') throw new TypeError('it is not a place');
  return { context, namespace };
}
