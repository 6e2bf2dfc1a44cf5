import type { V1Pod } from '@kubernetes/client-node';
import type { SessionName } from '../../names.ts';
import { paths, type Cluster } from './cluster.ts';
import { selector } from './objects.ts';
import { objectsOf } from './watch-objects.ts';

/** A session's pods as they are, and again at every change, as `objectsOf` gives them. */
export function podsOf(
  cluster: Cluster,
  name: SessionName,
  signal: AbortSignal,
  away?: number,
): AsyncGenerator<readonly V1Pod[]> {
  const watched = { what: 'pod', path: paths.pods(cluster.namespace), labelSelector: selector(name) };
  return objectsOf<V1Pod>(cluster, watched, signal, away);
}
