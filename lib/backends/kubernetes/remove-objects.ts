import { isPaudeError, PaudeError } from '../../errors.ts';
import type { Leftovers } from '../../session/backend.ts';
import { placeFlags } from '../../session/location.ts';
import type { SessionName } from '../../names.ts';
import { timeLimit } from '../../waiting.ts';
import { ApiStatus } from './api-connection.ts';
import type { Cluster } from './cluster.ts';
import { kubernetesError } from './kubernetes-errors.ts';
import { keys, manager, objectName, ownerLabel, selector } from './objects.ts';
import {
  findKind,
  isForbidden,
  isNotServed,
  kinds,
  pathOf,
  type Found,
  type Kind,
  type Listed,
} from './own-objects.ts';
import { notOurs } from './strangers.ts';
import { findSet } from './cluster.ts';
import { objectsOf } from './watch-objects.ts';

/** How long what was deleted may take to go; milliseconds. A pod's grace period is 10 s. */
const patience = 120_000;

/** Something that could not be removed. */
interface Left {
  readonly object: string;
  readonly why: Error;
}

/**
 * Removes everything that carries the session's label and ours, whatever made it, and ends when it is gone.
 * Throws NOT_REMOVED with what is left and why; NOT_OURS for a StatefulSet of our name that is a stranger's.
 */
export async function removeObjects(cluster: Cluster, name: SessionName, signal: AbortSignal): Promise<void> {
  const enough = timeLimit(patience, signal);
  // Of our name, but without our label: nothing below would touch it.
  const stranger = findSet(cluster, name, signal);
  stranger.catch(() => undefined);
  const left = await Promise.all(kinds.map((kind) => removeKind(cluster, kind, name, apart(enough))));
  const all = left.flat();
  signal.throwIfAborted();
  if (all.length > 0) {
    const what = all.map(({ object, why }) => `${object} (${why.message})`).join(', ');
    const rights = all.flatMap(({ why }) => (isPaudeError(why, 'FORBIDDEN') ? [why.hint] : []));
    throw new PaudeError('NOT_REMOVED', `of the session ${name} there is left: ${what}`, {
      hint: [...new Set(rights), deleteCommand(cluster, name)].join('; then '),
    });
  }
  const set = await stranger;
  if (set !== undefined && set.metadata?.labels?.[keys.managedBy] !== manager)
    throw notOurs(cluster, 'statefulset', objectName(name));
}

/** What there is of a session without its StatefulSet, of every kind. Throws FORBIDDEN where one can't be looked at. */
export async function leftObjects(
  cluster: Cluster,
  name: SessionName,
  signal: AbortSignal,
): Promise<Leftovers> {
  const [{ user }, ...found] = await Promise.all([
    cluster.facts(signal),
    ...kinds.map(async (of) => {
      const objects = await findKind(cluster, of, name, apart(signal));
      return objects.map(({ metadata }) => ({ kind: of.kind, metadata }));
    }),
  ]);
  const all = found.flat();
  const isMine = all.every(({ metadata }) => metadata.labels?.[keys.owner] === ownerLabel(user));
  return {
    objects: all.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
    owner: isMine ? user : undefined,
  };
}

/** The same signal, for one of many at once: Node warns where more than ten listen to one. */
function apart(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal]);
}

/** The command that finishes the work, from wherever it is given: what is left is no session that could be looked for. */
export function deleteCommand(
  { context, namespace }: Pick<Cluster, 'context' | 'namespace'>,
  name: SessionName,
): string {
  return `git paude delete ${name} ${placeFlags({ backend: 'kubernetes', context, namespace })} --confirm`;
}

/** What is left of one kind, and why. */
async function removeKind(
  cluster: Cluster,
  of: Kind,
  name: SessionName,
  signal: AbortSignal,
): Promise<readonly Left[]> {
  try {
    const { found, kept } = await deleteKind(cluster, of, name, signal);
    const stays = found.flatMap(({ metadata }) => {
      const why = kept.get(metadata.uid);
      return why === undefined ? [] : [{ object: `${of.kind} ${metadata.name}`, why }];
    });
    if (found.length === stays.length) return stays;
    const slow = await awaitGone(cluster, of, name, { found, kept }, signal);
    return [...stays, ...slow];
  } catch (error) {
    if (isNotServed(error)) return [];
    return [{ object: `perhaps a ${of.kind}`, why: whyNot(cluster, of, error) }];
  }
}

function whyNot(cluster: Cluster, { resource }: Kind, error: unknown): Error {
  return kubernetesError(`remove its ${resource}`, cluster, error);
}

interface Deleted {
  readonly found: readonly Found[];
  /** Why some of it could not be deleted, by uid. */
  readonly kept: ReadonlyMap<string, Error>;
}

/** Deletes all of a kind at once, or one by one where a role has `delete` and not `deletecollection`. */
async function deleteKind(
  cluster: Cluster,
  of: Kind,
  name: SessionName,
  signal: AbortSignal,
): Promise<Deleted> {
  const query = { labelSelector: selector(name) };
  const { connection } = cluster;
  try {
    // The answer lists what was there; nothing else need be asked where there was nothing.
    const options = { body: background, query, signal };
    const { body } = await connection.request<Partial<Listed>>('DELETE', pathOf(cluster, of), options);
    return { found: body.items ?? (await findKind(cluster, of, name, signal)), kept: new Map() };
  } catch (error) {
    if (!isForbidden(error)) throw error;
  }
  const found = await findKind(cluster, of, name, signal);
  const kept = new Map<string, Error>();
  await Promise.all(
    found.map(async ({ metadata: { name: object, uid } }) => {
      // Never one that somebody made in its place.
      const options = { body: { ...background, preconditions: { uid } }, signal };
      try {
        await connection.request('DELETE', `${pathOf(cluster, of)}/${object}`, options);
      } catch (error) {
        if (!isGone(error)) kept.set(uid, whyNot(cluster, of, error));
      }
    }),
  );
  return { found, kept };
}

const background = { propagationPolicy: 'Background' } as const;

/** Ends when what is deleted of a kind has gone, or with what has not, and why. */
async function awaitGone(
  cluster: Cluster,
  of: Kind,
  name: SessionName,
  { found, kept }: Deleted,
  signal: AbortSignal,
): Promise<readonly Left[]> {
  const isGoing = ({ metadata }: Found) => !kept.has(metadata.uid);
  let going = found.filter(isGoing);
  // What somebody makes from now on is a session of its own.
  let first: ReadonlySet<string> | undefined;
  const watched = { what: of.resource, path: pathOf(cluster, of), labelSelector: selector(name) };
  try {
    for await (const there of objectsOf<Found>(cluster, watched, signal)) {
      first ??= new Set(there.filter(isGoing).map(({ metadata }) => metadata.uid));
      going = there.filter(({ metadata }) => first!.has(metadata.uid));
      if (going.length === 0) break;
    }
    return [];
  } catch (error) {
    const why = signal.aborted ? new Error('it is still going') : whyNot(cluster, of, error);
    return going.map(({ metadata }) => ({ object: `${of.kind} ${metadata.name}`, why }));
  }
}

/** The object is not there any more, or another one is in its place. */
function isGone(error: unknown): boolean {
  return error instanceof ApiStatus && (error.code === 404 || error.code === 409);
}
