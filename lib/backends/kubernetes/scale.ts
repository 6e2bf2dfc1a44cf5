import type { V1Pod, V1StatefulSet } from '@kubernetes/client-node';
import { PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import { shellWord } from '../../printable.ts';
import { timeLimit } from '../../waiting.ts';
import { ApiStatus } from './api-connection.ts';
import { findSet, paths, type Cluster } from './cluster.ts';
import { assertOurs } from './strangers.ts';
import { kubernetesError } from './kubernetes-errors.ts';
import { keys, manager } from './objects.ts';
import { isNodeLost } from './pod-state.ts';
import { belated, isUncertain, uninterrupted } from './uninterrupted.ts';
import { podsOf } from './watch-pods.ts';

/** How long an undo may take, which must not be interrupted by what made it necessary; milliseconds. */
export const undoTime = 8000;

/** How long a stop waits for its pods to go; milliseconds. Their grace period is 10 s. */
const goingTime = 120_000;

/** `/` of a key in a JSON pointer (RFC 6901). */
export const pointer = (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1');

/** Where a proxy's StatefulSet has its configuration, as a JSON pointer. */
export const configurationPath = '/spec/template/spec/containers/0/env/0/value';

/**
 * Scales a session to one replica in one request that changes nothing of a stranger's: the patch tests whose it is.
 * `begun`: it was scaled to nothing before, and is not any more. Not ended by an interrupt: whether it was scaled must
 * be known, to be undone; where the answer is lost, that is done here. Throws SESSION_UNKNOWN, NOT_OURS.
 */
export async function scaleUp(
  cluster: Cluster,
  name: SessionName,
): Promise<{ readonly set: V1StatefulSet; readonly begun: boolean }> {
  const [path, value] = [`/metadata/annotations/${pointer(keys.started)}`, new Date().toISOString()];
  const changes = [
    { op: 'test', path: '/spec/replicas', value: 0 },
    { op: 'replace', path: '/spec/replicas', value: 1 },
    { op: 'add', path, value },
  ];
  const isUp = (set: V1StatefulSet) => set.spec?.replicas === 1;
  const isOwn = (set: V1StatefulSet) => set.metadata?.annotations?.[keys.started] === value;
  try {
    const set = await uninterrupted((signal) => scale(cluster, name, changes, signal, isUp));
    return { set, begun: isOwn(set) };
  } catch (error) {
    const why = kubernetesError('scale it', cluster, error);
    // Where it says that another start has scaled it, or none, it stays as it is.
    const back = [{ op: 'test', path, value }, toNothing];
    const undo = async () => {
      const set = await scale(cluster, name, back, timeLimit(undoTime), () => true);
      // Up by another start, or down again after this one.
      return isUp(set) !== isOwn(set) ? set : undefined;
    };
    if (isUncertain(why)) await belated(undo).catch(() => undefined);
    throw why;
  }
}

const toNothing = { op: 'replace', path: '/spec/replicas', value: 0 };

/** Scales a session to nothing. Throws SESSION_UNKNOWN, NOT_OURS. */
export async function scaleDown(cluster: Cluster, name: SessionName, signal: AbortSignal): Promise<void> {
  await scale(cluster, name, [toNothing], signal);
}

/** `isSo`: of one that refuses the change, whether it is as it should be without. */
async function scale(
  cluster: Cluster,
  name: SessionName,
  changes: readonly object[],
  signal: AbortSignal,
  isSo = (_: V1StatefulSet) => false,
): Promise<V1StatefulSet> {
  const own = { op: 'test', path: `/metadata/labels/${pointer(keys.managedBy)}`, value: manager };
  try {
    const options = {
      body: [own, ...changes],
      signal,
      contentType: 'application/json-patch+json',
      query: { fieldManager: manager },
    };
    const path = paths.set(cluster.namespace, name);
    return (await cluster.connection.request<V1StatefulSet>('PATCH', path, options)).body;
  } catch (error) {
    if (!(error instanceof ApiStatus)) throw kubernetesError('scale it', cluster, error);
    if (error.code === 404 && error.details?.name !== undefined) throw unknown(name);
    // A test of the patch failed, or there is nothing to test.
    if (error.code === 422) {
      const set = await findSet(cluster, name, signal);
      if (set === undefined) throw unknown(name);
      assertOurs(cluster, set);
      if (isSo(set)) return set;
    }
    throw kubernetesError('scale it', cluster, error);
  }
}

/** The error for a session that is not there. */
export function unknown(name: SessionName): PaudeError {
  return new PaudeError('SESSION_UNKNOWN', `there is no session ${name}`, {
    hint: `git paude list, or git paude create ${name}`,
  });
}

/**
 * The same for its proxy; false where it has none. With a configuration, its next pod gets that: the session's own
 * object says what the rules are, whatever came of an earlier change or of a second creator.
 */
export async function scaleProxy(
  cluster: Cluster,
  name: SessionName,
  replicas: 0 | 1,
  signal: AbortSignal,
  configuration?: string,
): Promise<boolean> {
  try {
    await cluster.connection.request('PATCH', paths.proxySet(cluster.namespace, name), {
      body: [
        { op: 'test', path: `/metadata/labels/${pointer(keys.managedBy)}`, value: manager },
        { op: 'replace', path: '/spec/replicas', value: replicas },
        ...(configuration === undefined
          ? []
          : [{ op: 'add', path: configurationPath, value: configuration }]),
      ],
      signal,
      contentType: 'application/json-patch+json',
      query: { fieldManager: manager },
    });
    return true;
  } catch (error) {
    if (error instanceof ApiStatus && error.code === 404 && error.details?.name !== undefined) return false;
    throw kubernetesError('scale its proxy', cluster, error);
  }
}

/**
 * Scales to nothing, and ends when the pods that there were are gone; a start meanwhile may bring others. Throws
 * SESSION_FAILED where they don't go, as from a node that is lost.
 */
export async function stopPod(
  cluster: Cluster,
  name: SessionName,
  signal: AbortSignal,
  patience = goingTime,
): Promise<void> {
  await Promise.all([scaleDown(cluster, name, signal), scaleProxy(cluster, name, 0, signal)]);
  const idOf = (pod: V1Pod) => pod.metadata?.uid;
  let first: ReadonlySet<string | undefined> | undefined;
  let going: readonly V1Pod[] = [];
  const enough = timeLimit(patience, signal);
  try {
    for await (const pods of podsOf(cluster, name, enough)) {
      first ??= new Set(pods.map(idOf));
      going = pods.filter((pod) => first!.has(idOf(pod)));
      if (going.length === 0) return;
    }
  } catch (error) {
    const [pod] = going;
    if (pod === undefined || signal.aborted || !enough.aborted) throw error;
    throw stillThere(cluster, name, pod, patience);
  }
}

function stillThere(
  { namespace, context }: Cluster,
  name: SessionName,
  pod: V1Pod,
  time: number,
): PaudeError {
  const object = `pod ${pod.metadata?.name}`;
  const why = isNodeLost(pod) ? ': its node does not answer' : '';
  return new PaudeError(
    'SESSION_FAILED',
    `the session ${name} is scaled to nothing, and after ${time / 1000} s there still is ${object}${why}`,
    {
      hint: `kubectl describe ${object} -n ${namespace} --context=${shellWord(context)}; git paude stop ${name} waits again`,
    },
  );
}
