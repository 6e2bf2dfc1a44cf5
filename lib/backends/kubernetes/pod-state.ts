import type { V1ContainerStateTerminated, V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import { container } from './objects.ts';

/** What a pod is doing on its way to where commands can run. */
export type PodState =
  | { readonly type: 'ready' }
  /** `text` is for people: what it waits for. */
  | { readonly type: 'waiting'; readonly text: string }
  /** It won't get better by itself. */
  | {
      readonly type: 'stuck';
      readonly kind: 'image' | 'crash' | 'unschedulable' | 'config';
      readonly why: string;
    };

/** Pulls that a second try won't mend: what a registry says of them. */
const refused =
  /not found|unauthorized|denied|forbidden|manifest unknown|no such host|certificate|HTTP response to HTTPS/i;
/** What a kubelet says that was just started, or whose runtime is slow: it tries again by itself, and that mends it. */
const hindered = /services have not yet been read at least once|context deadline exceeded|is reserved for/;
/** So many restarts are no accident, if the container ended as soon as it was started. */
const crashes = 2;
/** The same of one that was killed: by a person, with its node, or because it never became ready. */
const kills = 4;
/** A container that ran for longer was well, and was killed: by the kernel for its memory, or with its node. */
const soon = 10_000;

/** Reads a pod's status (Kubernetes API reference: PodStatus). A pod that is being deleted is never ready. */
export function podState(pod: V1Pod | undefined, named = container): PodState {
  if (pod === undefined) return { type: 'waiting', text: 'waiting for the pod' };
  if (pod.metadata?.deletionTimestamp !== undefined)
    return { type: 'waiting', text: 'waiting for the old pod to end' };
  const conditions = new Map(pod.status?.conditions?.map((one) => [one.type, one]));
  const scheduled = conditions.get('PodScheduled');
  // A volume may take its time to be made; that it can't be is said elsewhere, by a warning.
  if (/unbound immediate PersistentVolumeClaims/.test(scheduled?.message ?? ''))
    return { type: 'waiting', text: 'waiting for the volume' };
  if (scheduled?.status === 'False' && scheduled.reason === 'Unschedulable')
    return { type: 'stuck', kind: 'unschedulable', why: scheduled.message ?? 'no node takes it' };
  const ours = pod.status?.containerStatuses?.find(({ name }) => name === named);
  // Evicted, or its node was shut down: the StatefulSet puts another in its place.
  if (pod.status?.phase === 'Failed')
    return {
      type: 'waiting',
      text: `waiting for another pod: ${pod.status.message ?? pod.status.reason ?? 'this one has failed'}`,
    };
  // Its startup probe has said that commands can run. The pod's own condition may come a second later, when the kubelet
  // next looks at all its containers.
  const ready = conditions.get('Ready')?.status === 'True' || ours?.started === true;
  const before = ours?.state?.running === undefined ? initState(pod) : undefined;
  if (before !== undefined) return before;
  if (ours !== undefined) return containerState(ours, ready && ours.state?.running !== undefined);
  if (scheduled?.status === 'True') return { type: 'waiting', text: 'mounting the volume' };
  return { type: 'waiting', text: 'waiting for a node' };
}

/** Whether commands can be opened in a container of a pod, ready or not. */
export function isRunning(pod: V1Pod | undefined, named = container): boolean {
  if (pod === undefined || pod.metadata?.deletionTimestamp !== undefined) return false;
  const ours = pod.status?.containerStatuses?.find(({ name }) => name === named);
  return ours?.state?.running !== undefined;
}

/**
 * Whether a pod's node was not heard of for as long as the cluster waits for it (40 to 50 s; kube-controller-manager(8),
 * --node-monitor-grace-period). The pod is not ready then, although each of its containers was when the node last told.
 */
export function isNodeLost({ status }: V1Pod): boolean {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  const containers = status?.containerStatuses ?? [];
  return ready?.status === 'False' && containers.length > 0 && containers.every((one) => one.ready);
}

/** Of what an admission webhook puts before the session's containers: one that fails may well be meant to try again. */
function initState({ status }: V1Pod): PodState | undefined {
  for (const one of status?.initContainerStatuses ?? []) {
    const { reason, message } = one.state?.waiting ?? {};
    if (reason === undefined || reason === 'PodInitializing') continue;
    const state = containerState(one, false);
    if (state.type === 'stuck' && state.kind !== 'crash')
      return { ...state, why: `${one.name}: ${state.why}` };
    const text = `waiting for ${one.name}, which comes before the session: ${message || reason}`;
    return { type: 'waiting', text };
  }
  return undefined;
}

function containerState(status: V1ContainerStatus, ready: boolean): PodState {
  const { state, restartCount, lastState } = status;
  const { reason = '', message = '' } = state?.waiting ?? {};
  if (/^(ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull)$/.test(reason)) {
    const stuck = reason !== 'ErrImagePull' || refused.test(message);
    if (stuck) return { type: 'stuck', kind: 'image', why: message || reason };
    return { type: 'waiting', text: `pulling the image again: ${message}` };
  }
  if (/^Create(Container|ContainerConfig|PodSandbox)Error$|^RunContainerError$/.test(reason)) {
    if (!hindered.test(message)) return { type: 'stuck', kind: 'config', why: message || reason };
    return { type: 'waiting', text: `making the container again: ${message}` };
  }
  if (ready) return { type: 'ready' };
  const ended = state?.terminated ?? lastState?.terminated;
  const hopeless = wasKilled(ended)
    ? restartCount >= kills
    : reason === 'CrashLoopBackOff' || restartCount >= crashes;
  if (endedSoon(ended) && hopeless) {
    const why =
      ended === undefined
        ? message
        : `exit code ${ended.exitCode}${ended.reason === undefined ? '' : `, ${ended.reason}`}`;
    return { type: 'stuck', kind: 'crash', why };
  }
  if (reason === 'CrashLoopBackOff')
    return { type: 'waiting', text: `waiting to start it again: ${message}` };
  if (state?.running !== undefined) return { type: 'waiting', text: 'starting the session in its container' };
  return { type: 'waiting', text: 'creating the container' };
}

/** By KILL or TERM (128 and the signal's number), and not by the kernel for its memory. */
function wasKilled(ended: V1ContainerStateTerminated | undefined): boolean {
  return ended?.reason !== 'OOMKilled' && (ended?.exitCode === 137 || ended?.exitCode === 143);
}

function endedSoon(ended: V1ContainerStateTerminated | undefined): boolean {
  const { startedAt, finishedAt } = ended ?? {};
  if (startedAt === undefined || finishedAt === undefined) return true;
  return new Date(finishedAt).getTime() - new Date(startedAt).getTime() < soon;
}
