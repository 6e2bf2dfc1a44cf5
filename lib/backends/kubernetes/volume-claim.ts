import type { CoreV1Event, KubernetesObject } from '@kubernetes/client-node';
import { isPaudeError, PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import { shellWord } from '../../printable.ts';
import { timeLimit } from '../../waiting.ts';
import { paths, type Cluster } from './cluster.ts';
import { kubernetesError } from './kubernetes-errors.ts';
import { leftOver } from './settle-object.ts';

/** A volume that is so much older than the session was made for another one; milliseconds. */
const sameTime = 60_000;
/** How long the cluster may take to say that it does not know a storage class; milliseconds. */
const classTime = 3000;

export function isClaim({ kind }: KubernetesObject): boolean {
  return kind === 'PersistentVolumeClaim';
}

/**
 * Of two creators at the same moment one may make the claim and the other the session; an older claim has somebody's
 * files. Throws NOT_REMOVED.
 */
export function refuseOlder(
  cluster: Place,
  name: SessionName,
  claim: KubernetesObject,
  set: KubernetesObject,
): void {
  if (timeOf(set) - timeOf(claim) > sameTime) throw leftOver(cluster, name, claim);
}

/** As the API server has it; milliseconds. */
function timeOf({ metadata }: KubernetesObject): number {
  return new Date(metadata?.creationTimestamp ?? 0).getTime();
}

type Place = Pick<Cluster, 'context' | 'namespace'>;

/**
 * Few may look at storage classes, but everybody hears of one that is not there: the first event of the claim
 * tells. Silence is no refusal; `start` would hear of it again.
 */
export async function checkClass(
  cluster: Cluster,
  name: SessionName,
  { metadata }: KubernetesObject,
  signal: AbortSignal,
): Promise<void> {
  const enough = timeLimit(classTime, signal);
  // Of this very claim: what was told of an earlier one of its name stays for an hour.
  const query = { fieldSelector: `involvedObject.uid=${metadata?.uid}` };
  try {
    const events = cluster.connection.watch<CoreV1Event>(paths.events(cluster.namespace), query, enough);
    for await (const { object } of events) {
      if (object.type !== 'Warning') return;
      throw new PaudeError(
        'POD_PENDING',
        `the volume of ${name} can't be provisioned: ${object.message ?? object.reason}`,
        {
          hint: `kubectl get storageclass --context=${shellWord(cluster.context)}, and name one: --storage-class=NAME`,
        },
      );
    }
  } catch (error) {
    if (isPaudeError(error, 'INTERRUPTED') && !signal.aborted) return;
    const told = kubernetesError('watch its volume', cluster, error);
    // Who may not see events hears of it at the start.
    if (!isPaudeError(told, 'FORBIDDEN')) throw told;
  }
}
