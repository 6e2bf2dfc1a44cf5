import type { KubernetesObject, V1PersistentVolumeClaim, V1StatefulSet } from '@kubernetes/client-node';
import { isPaudeError, PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import type { Session, SessionSpec } from '../../session/session.ts';
import { findSet, paths, type Cluster } from './cluster.ts';
import { makerIn, post } from './make-objects.ts';
import { addressIn, proxySet } from './network-objects.ts';
import { labelsOf, keys } from './objects.ts';
import { partsOf } from './parts.ts';
import { pullSecretName, secretNameOf } from './pull-secret.ts';
import { presentSpec } from './query.ts';
import { deleteCommand } from './remove-objects.ts';
import { settleObject, type Wanted } from './settle-object.ts';
import { unknown } from './scale.ts';
import { assertOurs } from './strangers.ts';
import { checkClass, isClaim } from './volume-claim.ts';

/**
 * Makes again what a session that is there lacks, as its StatefulSet tells it: what somebody has removed, or a
 * `create` could not make or undo. False where it goes away meanwhile, as when another creator undoes it. Throws
 * SESSION_FAILED for what nobody can make again, POD_PENDING.
 */
export async function completeObjects(
  cluster: Cluster,
  { location: { name }, description, image, egress, owner, state }: Session,
  signal: AbortSignal,
): Promise<boolean> {
  const facts = { ...(await cluster.facts(signal)), user: owner };
  const partsIn = (spec: SessionSpec, address?: string): readonly Wanted[] => {
    const { policy, service, others } = partsOf(cluster, spec, facts, address);
    return [policy, ...others, ...(service ? [service] : [])];
  };
  // What they are to be is needed where one is missing only: the StatefulSet is looked at beside them.
  const own = findSet(cluster, name, signal);
  const exact = own.then(async (set) => {
    if (set === undefined) throw unknown(name);
    assertOurs(cluster, set);
    const spec = presentSpec(cluster, set);
    await assertSecret(cluster, spec, signal);
    return partsIn(spec, addressIn(set.spec?.template.spec));
  });
  const maker = makerIn(cluster);
  const whole = partsIn({ name, description, image, ...(egress && { egress }) }).map((part, at) => {
    const make = async () => {
      if (isClaim(part.body) && state !== 'created')
        throw lost(cluster, name, `the volume of the session ${name} is gone, and what was on it`);
      return maker.make((await exact)[at]!);
    };
    return settleObject<KubernetesObject>(cluster, name, part, make, signal);
  });
  try {
    const [parts] = await Promise.all([Promise.all(whole), exact]);
    const isMended = parts.some(({ wasThere }) => !wasThere);
    if (isMended && !(await isSame(cluster, name, await own, signal))) throw unknown(name);
    const claim: V1PersistentVolumeClaim = parts.find(({ object }) => isClaim(object))!.object;
    // Another creator's of this moment may be about to be undone.
    if (description.storageClass !== undefined && claim.status?.phase === 'Pending')
      await checkClass(cluster, name, claim, signal);
    return true;
  } catch (error) {
    if (!isPaudeError(error, 'SESSION_UNKNOWN')) throw error;
    await Promise.allSettled(whole);
    await maker.undoUnlessOvertaken(name);
    return false;
  }
}

/** Whether a session's StatefulSet is still that one. */
async function isSame(
  cluster: Cluster,
  name: SessionName,
  before: V1StatefulSet | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  return (await findSet(cluster, name, signal))?.metadata?.uid === before?.metadata?.uid;
}

/**
 * Makes a session's proxy that was removed, to run at once. It goes with the session, which a delete may be taking away
 * just then.
 */
export async function makeProxy(cluster: Cluster, set: V1StatefulSet, signal: AbortSignal): Promise<void> {
  const facts = await cluster.facts(signal);
  const spec = presentSpec(cluster, set);
  const user = set.metadata?.annotations?.[keys.ownerName] ?? facts.user;
  const proxy = proxySet(spec, spec.egress!, labelsOf(spec.name, user), facts);
  const { name, uid } = set.metadata!;
  const ownerReferences = [{ apiVersion: proxy.apiVersion!, kind: proxy.kind!, name: name!, uid: uid! }];
  const running = {
    ...proxy,
    metadata: { ...proxy.metadata, ownerReferences },
    spec: { ...proxy.spec!, replicas: 1 },
  };
  await post(cluster, { what: 'create its proxy', path: paths.sets(cluster.namespace), body: running });
}

/** A Secret of the session's own has logins that nothing else knows. */
async function assertSecret(cluster: Cluster, spec: SessionSpec, signal: AbortSignal): Promise<void> {
  const secret = secretNameOf(spec);
  if (secret !== pullSecretName(spec.name)) return;
  const path = `${paths.secrets(cluster.namespace)}/${secret}`;
  if ((await cluster.find('look at its pull secret', path, signal)) !== undefined) return;
  throw lost(cluster, spec.name, `the pull secret ${secret} of the session ${spec.name} is gone`);
}

function lost(cluster: Cluster, name: SessionName, what: string): PaudeError {
  return new PaudeError('SESSION_FAILED', what, {
    hint: `${deleteCommand(cluster, name)}, and then create it`,
  });
}
