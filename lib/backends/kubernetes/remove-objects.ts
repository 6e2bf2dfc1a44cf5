import { PaudeError } from '../../errors.ts';
import type { Leftovers } from '../../session/backend.ts';
import { placeFlags } from '../../session/location.ts';
import type { SessionName } from '../../names.ts';
import { ApiStatus } from './api-connection.ts';
import type { Cluster } from './cluster.ts';
import { kubernetesError } from './kubernetes-errors.ts';
import { keys, manager, objectName, ownerLabel, selector } from './objects.ts';
import { notOurs } from './strangers.ts';
import { findSet } from './cluster.ts';

/** Every kind that a session may have objects of, in the order in which they go. */
const kinds = [
  { kind: 'statefulset', api: '/apis/apps/v1', resource: 'statefulsets' },
  { kind: 'deployment', api: '/apis/apps/v1', resource: 'deployments' },
  { kind: 'pod', api: '/api/v1', resource: 'pods' },
  { kind: 'service', api: '/api/v1', resource: 'services' },
  { kind: 'configmap', api: '/api/v1', resource: 'configmaps' },
  { kind: 'secret', api: '/api/v1', resource: 'secrets' },
  { kind: 'networkpolicy', api: '/apis/networking.k8s.io/v1', resource: 'networkpolicies' },
  { kind: 'persistentvolumeclaim', api: '/api/v1', resource: 'persistentvolumeclaims' },
] as const;

/** How long what was deleted may take to go; milliseconds. A pod's grace period is 10 s. */
const patience = 120_000;

interface Listed {
  readonly metadata: { readonly resourceVersion?: string };
  readonly items: readonly {
    readonly metadata: {
      readonly name: string;
      readonly uid: string;
      readonly labels?: Readonly<Record<string, string>>;
    };
  }[];
}

/**
 * Removes everything that carries the session's label and ours, whatever made it, and ends when it is gone.
 * Throws NOT_REMOVED with what is left and why; NOT_OURS for a StatefulSet of our name that is a stranger's.
 */
export async function removeObjects(cluster: Cluster, name: SessionName, signal: AbortSignal): Promise<void> {
  const enough = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
  // Of our name, but without our label: nothing below would touch it.
  const stranger = findSet(cluster, name, signal);
  stranger.catch(() => undefined);
  const left = await Promise.all(kinds.map((kind) => removeKind(cluster, kind, name, enough)));
  const reasons = left.flat();
  signal.throwIfAborted();
  if (reasons.length > 0) {
    throw new PaudeError('NOT_REMOVED', `of the session ${name} there is left: ${reasons.join(', ')}`, {
      hint: deleteCommand(cluster, name),
    });
  }
  const set = await stranger;
  if (set !== undefined && set.metadata?.labels?.[keys.managedBy] !== manager)
    throw notOurs(cluster, 'statefulset', objectName(name));
}

/** What there is of a session without its StatefulSet, of the kinds that we may look at. */
export async function leftObjects(
  cluster: Cluster,
  name: SessionName,
  signal: AbortSignal,
): Promise<Leftovers> {
  const query = { labelSelector: selector(name) };
  const [{ user }, ...found] = await Promise.all([
    cluster.facts(signal),
    ...kinds.map(async ({ kind, api, resource }) => {
      const path = `${api}/namespaces/${cluster.namespace}/${resource}`;
      try {
        const { body } = await cluster.connection.request<Listed>('GET', path, { query, signal });
        return body.items.map(({ metadata }) => ({ kind, metadata }));
      } catch (error) {
        if (isNoneOfOurs(error, kind)) return [];
        throw kubernetesError(`look for ${resource} of ${name}`, cluster, error);
      }
    }),
  ]);
  const all = found.flat();
  const isMine = all.every(({ metadata }) => metadata.labels?.[keys.owner] === ownerLabel(user));
  return {
    objects: all.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
    owner: isMine ? user : undefined,
  };
}

/** A kind that this cluster does not serve, or that we may not look at and so made none of. */
function isNoneOfOurs(error: unknown, kind: string): boolean {
  return (
    error instanceof ApiStatus && (error.code === 404 || (error.code === 403 && !essential.includes(kind)))
  );
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
  { kind, api, resource }: (typeof kinds)[number],
  name: SessionName,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const path = `${api}/namespaces/${cluster.namespace}/${resource}`;
  const query = { labelSelector: selector(name) };
  const { connection } = cluster;
  let listed: Listed | undefined;
  try {
    // The answer of a delete by label lists what was there; nothing else need be asked where there was nothing.
    const body = { propagationPolicy: 'Background' };
    const deleted = await connection.request<Partial<Listed>>('DELETE', path, { body, query, signal });
    if (deleted.body.items?.length === 0) return [];
    listed = (await connection.request<Listed>('GET', path, { query, signal })).body;
    const names = new Map(listed.items.map(({ metadata }) => [metadata.uid, metadata.name]));
    if (names.size === 0) return [];
    const resourceVersion = listed.metadata.resourceVersion ?? '';
    const events = connection.watch<Listed['items'][number]>(path, { ...query, resourceVersion }, signal);
    for await (const { type, object } of events) {
      if (type === 'DELETED') names.delete(object.metadata.uid);
      if (names.size === 0) return [];
    }
    return [...names.values()].map((object) => `${kind} ${object} (it is still going)`);
  } catch (error) {
    if (isNoneOfOurs(error, kind)) return [];
    const why = kubernetesError(`remove its ${resource}`, cluster, error).message;
    const objects = listed?.items.map(({ metadata }) => metadata.name) ?? [];
    return objects.length === 0
      ? [`perhaps a ${kind} (${why})`]
      : objects.map((object) => `${kind} ${object} (${why})`);
  }
}

/** What every session is made of. */
const essential: readonly string[] = ['statefulset', 'pod', 'persistentvolumeclaim'];
