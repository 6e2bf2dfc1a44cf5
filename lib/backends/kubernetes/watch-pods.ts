import type { V1Pod, V1PodList } from '@kubernetes/client-node';
import { setTimeout as wait } from 'node:timers/promises';
import { interrupted, isPaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import { ApiStatus } from './api-connection.ts';
import { paths, type Cluster } from './cluster.ts';
import { kubernetesError } from './kubernetes-errors.ts';
import { selector } from './objects.ts';

/** How long the API server may be away, as when it is started again, before it counts as gone; milliseconds. */
const absence = 60_000;
/** Between two tries to reach it; milliseconds. */
const pause = 500;

/**
 * A session's pods as they are, and again at every change, until the caller stops asking. The first list comes at
 * once, also when it is empty. An API server that goes away for a minute, and a balancer that cuts a watch in which
 * nothing happens, are waited for. `away` is for how long it may be; milliseconds.
 */
export async function* podsOf(
  cluster: Cluster,
  name: SessionName,
  signal: AbortSignal,
  away = absence,
): AsyncGenerator<readonly V1Pod[]> {
  let heard = false;
  // Since when it was seen to be: a watch whose connection is dead may have been silent for long before.
  let gone: number | undefined;
  for (;;) {
    try {
      for await (const pods of podsOnce(cluster, name, signal)) {
        heard = true;
        gone = undefined;
        yield pods;
      }
    } catch (error) {
      // What can't be reached may be in a moment. One that was just started has not read its rules yet, and refuses
      // what it allowed before.
      const passing =
        isPaudeError(error, 'BACKEND_UNREACHABLE') || (isPaudeError(error, 'FORBIDDEN') && heard);
      gone ??= Date.now();
      if (!passing || Date.now() - gone > away) throw error;
      await wait(pause, undefined, { signal }).catch(() => {
        throw interrupted();
      });
    }
  }
}

/** The same until a watch ends, as the API server lets it every now and then. */
async function* podsOnce(
  cluster: Cluster,
  name: SessionName,
  signal: AbortSignal,
): AsyncGenerator<readonly V1Pod[]> {
  const path = paths.pods(cluster.namespace);
  const query = { labelSelector: selector(name) };
  const listed = await cluster.ask<V1PodList>('look at its pod', 'GET', path, { query, signal });
  const pods = new Map(listed.items.map((pod) => [pod.metadata!.uid!, pod]));
  yield [...pods.values()];
  const resourceVersion = listed.metadata?.resourceVersion ?? '';
  try {
    const events = cluster.connection.watch<V1Pod>(path, { ...query, resourceVersion }, signal);
    for await (const { type, object } of events) {
      if (type === 'DELETED') pods.delete(object.metadata!.uid!);
      else if (type !== 'BOOKMARK') pods.set(object.metadata!.uid!, object);
      yield [...pods.values()];
    }
  } catch (error) {
    // Too old to go on from: it is listed anew.
    if (!(error instanceof ApiStatus) || error.code !== 410)
      throw kubernetesError('watch its pod', cluster, error);
  }
}
