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
import { objectsOf } from './watch-objects.ts';

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

type Kind = (typeof kinds)[number];

interface Found {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly labels?: Record<string, string>;
  };
}

interface Listed {
  readonly items: readonly Found[];
}

function pathOf({ namespace }: Cluster, { api, resource }: Kind): string {
  return `${api}/namespaces/${namespace}/${resource}`;
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
    ...kinds.map(async (of) => {
      const { kind, resource } = of;
      try {
        const { body } = await cluster.connection.request<Listed>('GET', pathOf(cluster, of), {
          query,
          signal,
        });
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
  of: Kind,
  name: SessionName,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { kind, resource } = of;
  const query = { labelSelector: selector(name) };
  const path = pathOf(cluster, of);
  const why = (error: unknown) => kubernetesError(`remove its ${resource}`, cluster, error).message;
  let going: readonly Found[] = [];
  try {
    // The answer of a delete by label lists what was there; nothing else need be asked where there was nothing.
    const body = { propagationPolicy: 'Background' };
    const deleted = await cluster.connection.request<Partial<Listed>>('DELETE', path, {
      body,
      query,
      signal,
    });
    going = deleted.body.items ?? [];
    if (deleted.body.items?.length === 0) return [];
    let waited: ReadonlySet<string> | undefined;
    const watched = { what: resource, path, ...query };
    for await (const there of objectsOf<Found>(cluster, watched, signal)) {
      waited ??= new Set(there.map(({ metadata }) => metadata.uid));
      going = there.filter(({ metadata }) => waited!.has(metadata.uid));
      if (going.length === 0) return [];
    }
    return [];
  } catch (error) {
    if (isNoneOfOurs(error, kind)) return [];
    const reason = signal.aborted ? 'it is still going' : why(error);
    return going.length === 0
      ? [`perhaps a ${kind} (${reason})`]
      : going.map(({ metadata }) => `${kind} ${metadata.name} (${reason})`);
  }
}

/** What every session is made of. */
const essential: readonly string[] = ['statefulset', 'pod', 'persistentvolumeclaim'];
