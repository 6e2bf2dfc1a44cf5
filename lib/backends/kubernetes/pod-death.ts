import type { V1Pod } from '@kubernetes/client-node';
import type { SessionName } from '../../names.ts';
import type { Cluster } from './cluster.ts';
import { container, podName } from './objects.ts';
import { podsOf } from './watch-pods.ts';

/** A command that is over sooner needs no watching; milliseconds. */
const soon = 2000;

/**
 * Watches a session's pod beside a stream, which may say nothing for minutes when the far side dies: gives why it
 * can't come back, as soon as the API server knows. Never, while the pod lives; the signal ends the watching.
 */
export function podDeath(
  cluster: Cluster,
  name: SessionName,
  signal: AbortSignal,
  pod: string = podName(name),
): Promise<Error> {
  return new Promise((resolve) => {
    const watching = () => void watch(cluster, name, pod, signal).then(resolve, () => undefined);
    const timer = setTimeout(watching, soon);
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
    timer.unref();
  });
}

async function watch(
  cluster: Cluster,
  name: SessionName,
  podNamed: string,
  signal: AbortSignal,
): Promise<Error> {
  let first: string | undefined;
  // The API server may be away for as long as the stream holds without it.
  for await (const pods of podsOf(cluster, name, signal, Infinity)) {
    const pod = pods.find(({ metadata }) => metadata?.name === podNamed);
    if (pod === undefined) return new Error('its pod was removed');
    const id = containerId(pod);
    first ??= id;
    if (id !== first || hasEnded(pod)) return new Error('its container has ended');
  }
  throw new Error('the watch has ended');
}

function containerId({ status }: V1Pod): string | undefined {
  return status?.containerStatuses?.find((one) => one.name === container)?.containerID;
}

function hasEnded({ status }: V1Pod): boolean {
  const state = status?.containerStatuses?.find((one) => one.name === container)?.state;
  return state?.terminated !== undefined || status?.phase === 'Failed';
}
