import type { KubernetesObject } from '@kubernetes/client-node';
import { setTimeout as wait } from 'node:timers/promises';
import { isPaudeError, PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import { ApiStatus } from './api-connection.ts';
import type { Cluster } from './cluster.ts';
import { kubernetesError } from './kubernetes-errors.ts';
import { manager } from './objects.ts';
import { deleteCommand } from './remove-objects.ts';
import { refuseStrangers } from './strangers.ts';

/** How long an object that is being deleted may take to go, and between two looks; milliseconds. */
export const goingTime = 30_000;
export const pause = 500;

/** What a session that is being created needs, and where. */
export interface Wanted<T extends KubernetesObject = KubernetesObject> {
  /** For an error: what is being done with it. */
  readonly what: string;
  readonly path: string;
  readonly body: T;
}

/** An object of a session, and whether it was there before. */
export interface Settled<T extends KubernetesObject> {
  readonly object: T;
  readonly wasThere: boolean;
}

/**
 * The object under a name that is taken; one that is being deleted is waited for, and `make` makes it then. Throws
 * NOT_OURS, NOT_REMOVED.
 */
export async function settleObject<T extends KubernetesObject>(
  cluster: Cluster,
  name: SessionName,
  { path, body }: Wanted<T>,
  make: () => Promise<T | undefined>,
  signal: AbortSignal,
): Promise<Settled<T>> {
  for (const end = Date.now() + goingTime; ; await wait(pause, undefined, { signal })) {
    const found = await refuseStrangers(cluster, path, body, signal);
    if (found !== undefined && found.metadata?.deletionTimestamp === undefined)
      return { object: found, wasThere: true };
    const made = found === undefined ? await make() : undefined;
    if (made !== undefined) return { object: made, wasThere: false };
    if (Date.now() > end) throw leftOver(cluster, name, body);
  }
}

/**
 * Makes what this session needs of an object that was there. That may be an earlier session's, whose network was open;
 * another creator's of the same moment is equal, or of a session that did not come to be. False where it has gone, or
 * another one is in its place: who made it has undone that. Throws NOT_REMOVED.
 */
export async function renewObject(
  cluster: Cluster,
  name: SessionName,
  { what, path, body }: Wanted,
  { metadata }: KubernetesObject,
  signal: AbortSignal,
): Promise<boolean> {
  // Of that very object only, and never of one that somebody made in its place.
  const renewed = { ...body, metadata: { ...body.metadata, uid: metadata!.uid } };
  const options = { body: renewed, query: { fieldManager: manager }, signal };
  try {
    await cluster.connection.request('PUT', `${path}/${metadata!.name}`, options);
    return true;
  } catch (error) {
    // A conflict is one of uids, for no version is named.
    if (error instanceof ApiStatus && [404, 409].includes(error.code)) return false;
    const why = kubernetesError(what, cluster, error);
    // What may not be changed, or not so, may go.
    const isRefused = error instanceof ApiStatus && [403, 422].includes(error.code);
    throw isRefused ? leftOver(cluster, name, body, why) : why;
  }
}

/** Whether that very object is there, and is not being deleted. */
export async function isStillThere(
  cluster: Cluster,
  { path, body }: Wanted,
  { metadata }: KubernetesObject,
  signal: AbortSignal,
): Promise<boolean> {
  const found = await refuseStrangers(cluster, path, body, signal);
  return found?.metadata?.uid === metadata?.uid && found?.metadata?.deletionTimestamp === undefined;
}

/** The error for an object of an earlier session that is in the way. */
export function leftOver(
  cluster: Pick<Cluster, 'context' | 'namespace'>,
  name: SessionName,
  { kind = '', metadata }: KubernetesObject,
  cause?: PaudeError,
): PaudeError {
  const why = cause === undefined ? '' : ` (${cause.message})`;
  // The right to change it is as good, and where that is missing the one to delete it may be, too.
  const right = isPaudeError(cause, 'FORBIDDEN') ? `${cause.hint}; or ` : '';
  return new PaudeError(
    'NOT_REMOVED',
    `of an earlier session ${name} there is left: ${kind.toLowerCase()} ${metadata?.name}${why}`,
    { hint: `${right}${deleteCommand(cluster, name)}, and then create it; or choose another name`, cause },
  );
}
