import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PaudeError } from '../errors.ts';

const store = 'places.json';

/** A namespace of a cluster that the user has made or used a session in. */
export interface ClusterPlace {
  readonly context: string;
  readonly namespace: string;
}

/** The clusters that the user has used, from the user's own folder: no other is ever contacted unasked. */
export async function usedPlaces(userFolder: string): Promise<readonly ClusterPlace[]> {
  const path = join(userFolder, store);
  try {
    const all: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (!Array.isArray(all) || !all.every(isPlace)) throw new TypeError('it is not a list of places');
    return all;
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
  const next = join(userFolder, `${store}.${process.pid}`);
  await writeFile(next, `${JSON.stringify([...all, { context, namespace }], null, 2)}\n`, { mode: 0o600 });
  await rename(next, join(userFolder, store));
}

function isPlace(value: unknown): value is ClusterPlace {
  const { context, namespace } = (value ?? {}) as Partial<ClusterPlace>;
  return typeof context === 'string' && typeof namespace === 'string';
}
