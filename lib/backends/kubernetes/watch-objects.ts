import type { KubernetesListObject, KubernetesObject } from '@kubernetes/client-node';
import { setTimeout as wait } from 'node:timers/promises';
import { interrupted, isPaudeError } from '../../errors.ts';
import { ApiStatus } from './api-connection.ts';
import type { Cluster } from './cluster.ts';
import { isPassing, kubernetesError } from './kubernetes-errors.ts';

/** How long the API server may be away, as when it is started again, before it counts as gone; milliseconds. */
const absence = 60_000;
/** Between two tries to reach it; milliseconds. */
const pause = 500;

/** What is watched. */
export interface Watched {
  /** For people: "pod", "secrets". */
  readonly what: string;
  readonly path: string;
  readonly labelSelector: string;
}

/**
 * Objects as they are, and again at every change, until the caller stops asking. The first list comes at once, also
 * when it is empty. An API server that goes away for a minute, and a balancer that cuts a watch in which nothing
 * happens, are waited for. `away` is for how long it may be; milliseconds. Throws INTERRUPTED at the signal.
 */
export async function* objectsOf<T extends KubernetesObject>(
  cluster: Cluster,
  watched: Watched,
  signal: AbortSignal,
  away = absence,
): AsyncGenerator<readonly T[]> {
  let heard = false;
  // Since when it was seen to be: a watch whose connection is dead may have been silent for long before.
  let gone: number | undefined;
  for (;;) {
    try {
      for await (const objects of objectsOnce<T>(cluster, watched, signal)) {
        heard = true;
        gone = undefined;
        yield objects;
      }
    } catch (error) {
      // What can't be reached may be in a moment. One that was just started has not read its rules yet, and refuses
      // what it allowed before.
      const passing = isPassing(error) || (isPaudeError(error, 'FORBIDDEN') && heard);
      gone ??= Date.now();
      if (!passing || Date.now() - gone > away) throw error;
      await wait(pause, undefined, { signal }).catch(() => {
        throw interrupted();
      });
    }
  }
}

/** The same until a watch ends, as the API server lets it every now and then. */
async function* objectsOnce<T extends KubernetesObject>(
  cluster: Cluster,
  { what, path, labelSelector }: Watched,
  signal: AbortSignal,
): AsyncGenerator<readonly T[]> {
  const query = { labelSelector };
  const listed = await cluster.ask<KubernetesListObject<T>>(`look at its ${what}`, 'GET', path, {
    query,
    signal,
  });
  const objects = new Map(listed.items.map((object) => [object.metadata!.uid!, object]));
  yield [...objects.values()];
  const resourceVersion = listed.metadata?.resourceVersion ?? '';
  try {
    const events = cluster.connection.watch<T>(path, { ...query, resourceVersion }, signal);
    for await (const { type, object } of events) {
      if (type === 'DELETED') objects.delete(object.metadata!.uid!);
      else if (type !== 'BOOKMARK') objects.set(object.metadata!.uid!, object);
      yield [...objects.values()];
    }
  } catch (error) {
    // Too old to go on from: it is listed anew.
    if (!(error instanceof ApiStatus) || error.code !== 410)
      throw kubernetesError(`watch its ${what}`, cluster, error);
  }
}
