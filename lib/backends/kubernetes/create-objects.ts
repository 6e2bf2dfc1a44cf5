import type { KubernetesObject, V1StatefulSet } from '@kubernetes/client-node';
import { setTimeout as wait } from 'node:timers/promises';
import { interrupted, isPaudeError, PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import type { Session, SessionSpec } from '../../session/session.ts';
import { findSet, type Cluster, type Facts } from './cluster.ts';
import { makerIn } from './make-objects.ts';
import { partsOf } from './parts.ts';
import { sessionOf } from './query.ts';
import {
  goingTime,
  isStillThere,
  leftOver,
  pause,
  renewObject,
  settleObject,
  type Wanted,
} from './settle-object.ts';
import { assertOurs } from './strangers.ts';
import { checkClass, isClaim, refuseOlder } from './volume-claim.ts';

/** How often it is begun anew where others make and undo the same session at the same time. */
const attempts = 5;

/**
 * Makes a session's PersistentVolumeClaim, its policies and its proxy, and at last its StatefulSet with no replica.
 * Each is posted, not applied: of two creators at once just one makes the StatefulSet, and that is the session; an
 * apply by the same field manager would silently put the second one's description over the first one's. What an
 * earlier session of the name has left is made what this one needs; its volume is refused. Throws NOT_OURS,
 * NOT_REMOVED.
 */
export async function createObjects(
  cluster: Cluster,
  spec: SessionSpec,
  signal: AbortSignal,
): Promise<Session> {
  const facts = await cluster.facts(signal);
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const session = await createOnce(cluster, spec, facts, signal);
    if (session !== undefined) return session;
  }
  throw new PaudeError('BACKEND_FAILED', `${spec.name} is made and removed again by others at this time`, {
    hint: `git paude list, then git paude create ${spec.name}`,
  });
}

/** Undefined where another creator has undone meanwhile what this one found. */
async function createOnce(
  cluster: Cluster,
  spec: SessionSpec,
  facts: Facts,
  signal: AbortSignal,
): Promise<Session | undefined> {
  const maker = makerIn(cluster);
  const there: Found[] = [];
  const ensure = async <T extends KubernetesObject>(wanted: Wanted<T>): Promise<T> => {
    const first = await maker.make(wanted);
    if (first !== undefined) return first;
    const again = () => maker.make(wanted);
    const { object, wasThere } = await settleObject(cluster, spec.name, wanted, again, signal);
    if (wasThere) there.push({ wanted, object });
    return object;
  };
  try {
    const { service, others } = partsOf(cluster, spec, facts);
    const [addressed, made] = await all([service && ensure(service), all(others.map(ensure))]);
    const { own, policy } = partsOf(cluster, spec, facts, addressed && (addressed.spec?.clusterIP ?? ''));
    const [set] = await all([maker.make(own), ensure(policy)]);
    const claim = made.find(isClaim)!;
    const session =
      set === undefined
        ? await existing(cluster, spec.name, own, signal)
        : await finished(cluster, spec, { set, claim, there }, signal);
    if (session === undefined) await maker.undo();
    // Also of a claim that another creator made: that one will undo the session.
    else if (spec.description.storageClass !== undefined) await checkClass(cluster, spec.name, claim, signal);
    signal.throwIfAborted();
    return session;
  } catch (error) {
    // A volume that can't be provisioned ends the other one's session, too.
    if (isPaudeError(error, 'POD_PENDING')) await maker.undo();
    else await maker.undoUnlessOvertaken(spec.name);
    throw signal.aborted && !isPaudeError(error) ? interrupted() : error;
  }
}

/** What was there before, and what it is to be. */
interface Found {
  readonly wanted: Wanted;
  readonly object: KubernetesObject;
}

interface Made {
  readonly set: V1StatefulSet;
  readonly claim: KubernetesObject;
  readonly there: readonly Found[];
}

/** Undefined where something that was there has gone meanwhile. */
async function finished(
  cluster: Cluster,
  spec: SessionSpec,
  { set, claim, there }: Made,
  signal: AbortSignal,
): Promise<Session | undefined> {
  const older = there.find(({ object }) => object === claim);
  if (older !== undefined) refuseOlder(cluster, spec.name, claim, set);
  // By the one who made the session alone: another creator may have wanted it otherwise.
  const kept = await all(
    there.map((one) =>
      one === older
        ? isStillThere(cluster, one.wanted, claim, signal)
        : renewObject(cluster, spec.name, one.wanted, one.object, signal),
    ),
  );
  return kept.includes(false) ? undefined : sessionOf(cluster, set);
}

/** The session of the name that another creator has made; undefined where that one has undone it. */
async function existing(
  cluster: Cluster,
  name: SessionName,
  { body }: Wanted,
  signal: AbortSignal,
): Promise<Session | undefined> {
  for (const end = Date.now() + goingTime; ; await wait(pause, undefined, { signal })) {
    const set = await findSet(cluster, name, signal);
    if (set === undefined) return undefined;
    assertOurs(cluster, set);
    if (set.metadata?.deletionTimestamp === undefined) return sessionOf(cluster, set);
    if (Date.now() > end) throw leftOver(cluster, name, body);
  }
}

/** Ends when all have ended, so that it is known what they have made; throws the first error. */
async function all<T extends readonly unknown[] | []>(
  work: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
