import type { CoreV1Event, KubernetesObject } from '@kubernetes/client-node';
import { setTimeout as wait } from 'node:timers/promises';
import { isPaudeError, PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import { deleteCommand } from './remove-objects.ts';
import { paths, type Cluster } from './cluster.ts';
import { kubernetesError } from './kubernetes-errors.ts';
import { objectName } from './objects.ts';
import { refuseStrangers } from './strangers.ts';

/** How long a volume that is being deleted may take to go, and between two looks; milliseconds. */
const goingTime = 30_000;
const pause = 500;
/** A volume that is so much older than the session was made for another one; milliseconds. */
const sameTime = 60_000;
/** How long the cluster may take to say that it does not know a storage class; milliseconds. */
const classTime = 3000;

/**
 * The claim that is there already, of a session that is being created; one that is being deleted is waited for, and
 * `make` makes it then. Throws NOT_OURS, NOT_REMOVED.
 */
export async function settleClaim(
  cluster: Cluster,
  name: SessionName,
  body: KubernetesObject,
  make: () => Promise<KubernetesObject | undefined>,
  signal: AbortSignal,
): Promise<KubernetesObject | undefined> {
  const path = paths.claims(cluster.namespace);
  for (const end = Date.now() + goingTime; ; await wait(pause, undefined, { signal })) {
    const found = await refuseStrangers(cluster, path, body, signal);
    if (found === undefined && (await make()) !== undefined) return undefined;
    if (found !== undefined && found.metadata?.deletionTimestamp === undefined) return found;
    if (Date.now() > end) throw leftOver(cluster, name);
  }
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
  if (timeOf(set) - timeOf(claim) > sameTime) throw leftOver(cluster, name);
}

/** As the API server has it; milliseconds. */
function timeOf({ metadata }: KubernetesObject): number {
  return new Date(metadata?.creationTimestamp ?? 0).getTime();
}

type Place = Pick<Cluster, 'context' | 'namespace'>;

function leftOver(cluster: Place, name: SessionName): PaudeError {
  return new PaudeError(
    'NOT_REMOVED',
    `of an earlier session ${name} there is left its volume, persistentvolumeclaim ${objectName(name)}`,
    { hint: `${deleteCommand(cluster, name)}, and then create it; or choose another name` },
  );
}

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
  const enough = AbortSignal.any([signal, AbortSignal.timeout(classTime)]);
  // Of this very claim: what was told of an earlier one of its name stays for an hour.
  const query = { fieldSelector: `involvedObject.uid=${metadata?.uid}` };
  try {
    const events = cluster.connection.watch<CoreV1Event>(paths.events(cluster.namespace), query, enough);
    for await (const { object } of events) {
      if (object.type !== 'Warning') return;
      throw new PaudeError(
        'POD_PENDING',
        `the volume of ${name} can't be provisioned: ${object.message ?? object.reason}`,
        { hint: `kubectl get storageclass --context=${cluster.context}, and name one: --storage-class=NAME` },
      );
    }
  } catch (error) {
    if (isPaudeError(error, 'INTERRUPTED') && !signal.aborted) return;
    const told = kubernetesError('watch its volume', cluster, error);
    // Who may not see events hears of it at the start.
    if (!isPaudeError(told, 'FORBIDDEN')) throw told;
  }
}
