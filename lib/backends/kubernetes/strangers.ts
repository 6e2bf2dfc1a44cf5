import type { KubernetesObject, V1StatefulSet } from '@kubernetes/client-node';
import { PaudeError } from '../../errors.ts';
import { shellWord } from '../../printable.ts';
import type { Cluster } from './cluster.ts';
import { keys, manager } from './objects.ts';
import { isOurs } from './query.ts';

/** What is there already under a name of ours, which must be ours. */
export async function refuseStrangers<T extends KubernetesObject>(
  cluster: Cluster,
  path: string,
  { kind = '', metadata }: T,
  signal: AbortSignal,
): Promise<T | undefined> {
  const name = metadata?.name ?? '';
  const found = await cluster.find<T>(`look at the ${kind} ${name}`, `${path}/${name}`, signal);
  if (found !== undefined && found.metadata?.labels?.[keys.managedBy] !== manager)
    throw notOurs(cluster, kind.toLowerCase(), name);
  return found;
}

/** The error for an object of our name that is not ours. */
export function notOurs({ context, namespace }: Cluster, kind: string, object: string): PaudeError {
  return new PaudeError(
    'NOT_OURS',
    `there is a ${kind} ${object} in ${namespace} that git-paude did not make; it is left alone`,
    {
      hint: `choose another name, or look at it: kubectl get ${kind} ${object} -n ${namespace} --context=${shellWord(context)} -o yaml`,
    },
  );
}

/** Whether a StatefulSet may be worked with. Throws NOT_OURS. */
export function assertOurs(cluster: Cluster, set: V1StatefulSet): void {
  if (!isOurs(set)) throw notOurs(cluster, 'statefulset', set.metadata?.name ?? '');
}
