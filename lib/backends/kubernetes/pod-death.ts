import type { Cluster } from './cluster.ts';
import type { ExecTarget } from './exec/open-exec.ts';
import { isNodeLost } from './pod-state.ts';
import { podsOf } from './watch-pods.ts';

type Target = Pick<ExecTarget, 'session' | 'pod' | 'container'>;

/** A command that is over sooner needs no watching; milliseconds. */
const soon = 2000;

/**
 * Watches the container that a stream leads to, for the stream may say nothing for minutes when its far side dies:
 * gives why that can't come back, as soon as the API server knows. Never, while it lives; the signal ends the watching.
 */
export function podDeath(cluster: Cluster, target: Target, signal: AbortSignal): Promise<Error> {
  return new Promise((resolve) => {
    const watching = () => void watch(cluster, target, signal).then(resolve, () => undefined);
    const timer = setTimeout(watching, soon);
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
    timer.unref();
  });
}

async function watch(cluster: Cluster, target: Target, signal: AbortSignal): Promise<Error> {
  let first: string | undefined;
  let answered = false;
  // The API server may be away for as long as the stream holds without it.
  for await (const pods of podsOf(cluster, target.session, signal, Infinity)) {
    const pod = pods.find(({ metadata }) => metadata?.name === target.pod);
    if (pod === undefined) return new Error('its pod was removed');
    const ours = pod.status?.containerStatuses?.find(({ name: one }) => one === target.container);
    first ??= ours?.containerID;
    const ended = ours?.state?.terminated !== undefined || pod.status?.phase === 'Failed';
    if (ended || ours?.containerID !== first) return new Error('its container has ended');
    // A stream that was opened when its node was just there again is not ended by what is still said of the node.
    if (!isNodeLost(pod)) answered = true;
    else if (answered) return new Error('its node does not answer');
  }
  throw new Error('the watch has ended');
}
