import type { V1ContainerStatus } from '@kubernetes/client-node';
import type { Cluster } from './cluster.ts';
import type { ExecTarget } from './exec/open-exec.ts';
import { isNodeLost } from './pod-state.ts';
import { podsOf } from './watch-pods.ts';

type Target = Pick<ExecTarget, 'session' | 'pod' | 'container'>;

/** A command that is over sooner needs no watching; milliseconds. */
const usual = 2000;
/** By how much the node's clock, the server's and our reading of it may differ; milliseconds. */
const skew = 1000;

/**
 * Watches the container that a stream leads to, from when that is open, for the stream may say nothing for minutes when
 * its far side dies: gives why that can't come back, as soon as the API server knows. Never, while it lives; the signal
 * ends the watching.
 */
export function podDeath(
  cluster: Cluster,
  target: Target,
  signal: AbortSignal,
  soon = usual,
): Promise<Error> {
  const opened = Date.now();
  return new Promise((resolve) => {
    const watching = () => void watch(cluster, target, opened, signal).then(resolve, () => undefined);
    const timer = setTimeout(watching, soon);
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
    timer.unref();
  });
}

async function watch(cluster: Cluster, target: Target, opened: number, signal: AbortSignal): Promise<Error> {
  let first: string | undefined;
  let answered = false;
  // The API server may be away for as long as the stream holds without it.
  for await (const pods of podsOf(cluster, target.session, signal, Infinity)) {
    const pod = pods.find(({ metadata }) => metadata?.name === target.pod);
    if (pod === undefined) return new Error('its pod was removed');
    const ours = pod.status?.containerStatuses?.find(({ name: one }) => one === target.container);
    const whose = ended(ours, first, opened + cluster.connection.now() - Date.now());
    first ??= ours?.containerID;
    if (whose === 'ours' || pod.status?.phase === 'Failed') return new Error('its container has ended');
    if (whose === 'earlier') first = ours?.containerID;
    // A stream that was opened when its node was just there again is not ended by what is still said of the node.
    if (!isNodeLost(pod)) answered = true;
    else if (answered) return new Error('its node does not answer');
  }
  throw new Error('the watch has ended');
}

/**
 * Whose end a status tells, if it is known already: of the one which a stream leads to that was opened then, or of
 * an earlier one. A kubelet that has much to do tells late, and a stream may lead to the next container by then. Of one
 * that ended at about the time of the opening it is known when the next one runs. At the first look that may be so already.
 */
function ended(
  status: V1ContainerStatus | undefined,
  first: string | undefined,
  opened: number,
): 'ours' | 'earlier' | undefined {
  const { state, lastState } = status ?? {};
  const end = state?.terminated ?? lastState?.terminated;
  const { finishedAt } = end ?? {};
  const next = state?.running?.startedAt;
  const isFirstLook = first === undefined;
  const isNext = isFirstLook && end !== undefined && next && milliseconds(next) > opened + skew;
  const isSame = !isNext && (isFirstLook || status?.containerID === first);
  if (isSame && (state?.running !== undefined || end === undefined)) return undefined;
  // A kubelet that does not know it says null.
  if (!finishedAt) return 'ours';
  if (milliseconds(finishedAt) > opened + skew) return 'ours';
  if (next === undefined) return undefined;
  // No stream leads to what is between the two.
  return (milliseconds(finishedAt) + milliseconds(next)) / 2 > opened ? 'ours' : 'earlier';
}

/** Kubernetes keeps whole seconds of the time, and cuts the rest off. */
function milliseconds(time: Date): number {
  return new Date(time).getTime() + 500;
}
