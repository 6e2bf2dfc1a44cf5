import type { V1Pod, V1PodList, V1StatefulSet, V1StatefulSetList } from '@kubernetes/client-node';
import type { NetworkRules } from '../../egress/network-rules.ts';
import { isPaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import type { Session, SessionSpec, SessionState } from '../../session/session.ts';
import { findSet, paths, type Cluster } from './cluster.ts';
import { keys, manager, objectName, podName, selector } from './objects.ts';
import { isNodeLost, podState } from './pod-state.ts';

/**
 * All sessions of the namespace, or of every namespace: one request, however many there are, and a second one where
 * some are on their way.
 */
export async function findSessions(
  cluster: Cluster,
  everywhere: boolean,
  signal: AbortSignal,
): Promise<readonly Session[]> {
  const path = everywhere ? '/apis/apps/v1/statefulsets' : paths.sets(cluster.namespace);
  const query = { labelSelector: `${selector()},${keys.component}=session` };
  const found = await cluster.ask<V1StatefulSetList>('list the sessions', 'GET', path, { query, signal });
  const sessions = found.items.flatMap((set) => sessionOf(cluster, set) ?? []);
  if (!sessions.some(({ state }) => state === 'starting')) return sessions;
  const pods = await podsOfAll(cluster, everywhere, signal).catch((error: unknown) => {
    // Who may not see them hears that they are on their way, and no more.
    if (!isPaudeError(error, 'FORBIDDEN')) throw error;
    return undefined;
  });
  return pods === undefined ? sessions : sessions.map((session) => told(session, pods.get(podKey(session))));
}

/** The pods of all sessions, by namespace and name. */
async function podsOfAll(
  cluster: Cluster,
  everywhere: boolean,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, V1Pod>> {
  const path = everywhere ? '/api/v1/pods' : paths.pods(cluster.namespace);
  const query = { labelSelector: `${selector()},${keys.component}=session` };
  const found = await cluster.ask<V1PodList>('look at their pods', 'GET', path, { query, signal });
  return new Map(found.items.map((pod) => [`${pod.metadata?.namespace}/${pod.metadata?.name}`, pod]));
}

function podKey({ location }: Session): string {
  const namespace = location.backend === 'kubernetes' ? location.namespace : '';
  return `${namespace}/${podName(location.name)}`;
}

export async function findSession(
  cluster: Cluster,
  name: SessionName,
  signal: AbortSignal,
): Promise<Session | undefined> {
  const set = await findSet(cluster, name, signal);
  const session = set === undefined ? undefined : sessionOf(cluster, set);
  if (session?.state !== 'starting') return session;
  const path = `${paths.pods(cluster.namespace)}/${podName(name)}`;
  return told(session, await cluster.find<V1Pod>('look at its pod', path, signal));
}

/** The StatefulSet hears of its pod a moment later than who asks the pod, and not why it does not come. */
function told(session: Session, pod: V1Pod | undefined): Session {
  if (session.state !== 'starting') return session;
  const state = podState(pod);
  if (state.type === 'stuck') return { ...session, state: 'failed', reason: state.why };
  if (state.type === 'waiting') return { ...session, reason: state.text };
  return isNodeLost(pod!)
    ? { ...session, reason: 'its node does not answer' }
    : { ...session, state: 'running' };
}

export function isOurs(set: V1StatefulSet): boolean {
  return set.metadata?.labels?.[keys.managedBy] === manager && specOf(set) !== undefined;
}

function specOf({ metadata }: V1StatefulSet): SessionSpec | undefined {
  const text = metadata?.annotations?.[keys.spec];
  if (text === undefined) return undefined;
  const spec = JSON.parse(text) as SessionSpec;
  return objectName(spec.name) === metadata?.name ? spec : undefined;
}

/** What a StatefulSet's session was made of, with the rules of now; its pull secret is one that is there. */
export function presentSpec(cluster: Cluster, set: V1StatefulSet): SessionSpec {
  const egress = sessionOf(cluster, set)?.egress;
  return { ...specOf(set)!, ...(egress && { egress }) };
}

/** The session that a StatefulSet is. Undefined for a stranger's. */
export function sessionOf(cluster: Cluster, set: V1StatefulSet): Session | undefined {
  const spec = specOf(set);
  if (spec === undefined || !isOurs(set)) return undefined;
  const { metadata } = set;
  const { egress } = spec;
  const rules = metadata?.annotations?.[keys.rules];
  return {
    location: {
      backend: 'kubernetes',
      context: cluster.context,
      namespace: metadata?.namespace ?? cluster.namespace,
      name: spec.name,
    },
    ...(metadata?.uid && { uid: metadata.uid }),
    description: spec.description,
    image: spec.image,
    ...(egress === undefined
      ? {}
      : { egress: rules === undefined ? egress : { ...egress, rules: JSON.parse(rules) as NetworkRules } }),
    state: stateOf(set),
    owner: metadata?.annotations?.[keys.ownerName] ?? '',
    createdAt: new Date(metadata?.creationTimestamp ?? 0),
  };
}

function stateOf({ metadata, spec, status }: V1StatefulSet): SessionState {
  if (spec?.replicas !== 1)
    return metadata?.annotations?.[keys.started] === undefined ? 'created' : 'stopped';
  return status?.readyReplicas === 1 ? 'running' : 'starting';
}
