import type { KubernetesObject, V1Service, V1StatefulSet } from '@kubernetes/client-node';
import { isPaudeError, PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import type { Session, SessionSpec } from '../../session/session.ts';
import { ApiStatus } from './api-connection.ts';
import { findSet, paths, type Cluster, type Facts } from './cluster.ts';
import { kubernetesError } from './kubernetes-errors.ts';
import { proxyPolicy, proxyService, proxySet, sessionPolicy } from './network-objects.ts';
import { labelsOf, manager, manifests, objectName } from './objects.ts';
import { sessionOf } from './query.ts';
import { renewObject, settleObject, type Wanted } from './settle-object.ts';
import { notOurs } from './strangers.ts';
import { checkClass, refuseOlder } from './volume-claim.ts';

/** Undoing must not be interrupted by what made it necessary. Milliseconds. */
const undoTime = 30_000;

/**
 * Makes a session's PersistentVolumeClaim, its StatefulSet with no replica, its policies and its proxy. Each is
 * posted, not applied: of two creators at once just one makes the StatefulSet, and that is the session; an apply by
 * the same field manager would silently put the second one's description over the first one's. What an earlier
 * session of the name has left is made what this one needs; its volume is refused. Throws NOT_OURS, NOT_REMOVED.
 */
export async function createObjects(
  cluster: Cluster,
  spec: SessionSpec,
  signal: AbortSignal,
): Promise<Session> {
  const facts = await cluster.facts(signal);
  const made: KubernetesObject[] = [];
  const there: { readonly wanted: Wanted; readonly object: KubernetesObject }[] = [];
  // Not ended by an interrupt: whether it was made must be known, to be undone.
  const make = async <T extends KubernetesObject>(wanted: Wanted<T>) => {
    const object = await post(cluster, wanted);
    if (object !== undefined) made.push(object);
    return object;
  };
  const ensure = async <T extends KubernetesObject>(wanted: Wanted<T>): Promise<T> => {
    const first = await make(wanted);
    if (first !== undefined) return first;
    const again = () => make(wanted);
    const { object, wasThere } = await settleObject(cluster, spec.name, wanted, again, signal);
    if (wasThere) there.push({ wanted, object });
    return object;
  };
  try {
    const proxy = spec.egress && (await proxyAddress(cluster, spec, facts.user, ensure));
    const { own, others } = objectsOf(cluster, spec, facts, proxy);
    const making = make(own);
    const results = await Promise.allSettled([making, ...others.map(ensure)]);
    for (const one of results) if (one.status === 'rejected') throw one.reason;
    const set = await making;
    if (set === undefined) return await existing(cluster, spec.name, signal);
    const older = there.find(({ wanted }) => wanted.body.kind === 'PersistentVolumeClaim');
    if (older !== undefined) refuseOlder(cluster, spec.name, older.object, set);
    // By the one who made the session alone: another creator may have wanted it otherwise.
    const renewed = there.filter((one) => one !== older);
    await Promise.all(
      renewed.map(({ wanted, object }) => renewObject(cluster, spec.name, wanted, object, signal)),
    );
    const claim = made.find(({ kind }) => kind === 'PersistentVolumeClaim');
    if (spec.description.storageClass !== undefined && claim !== undefined)
      await checkClass(cluster, spec.name, claim, signal);
    signal.throwIfAborted();
    return sessionOf(cluster, set)!;
  } catch (error) {
    await undo(cluster, made);
    throw signal.aborted && !isPaudeError(error) ? new PaudeError('INTERRUPTED', 'interrupted') : error;
  }
}

/** A session's own StatefulSet, and all that goes with it but for the Service, which had to be there first. */
function objectsOf(
  { namespace }: Cluster,
  spec: SessionSpec,
  facts: Facts,
  proxy: string | undefined,
): { readonly own: Wanted<V1StatefulSet>; readonly others: readonly Wanted[] } {
  const { claim, set, secret } = manifests(spec, facts.user, facts, proxy);
  const labels = labelsOf(spec.name, facts.user);
  const [policies, sets] = [paths.policies(namespace), paths.sets(namespace)];
  const others: Wanted[] = [
    { what: 'create its volume', path: paths.claims(namespace), body: claim },
    { what: 'close its network', path: policies, body: sessionPolicy(spec, labels, proxy) },
  ];
  if (secret !== undefined)
    others.push({ what: 'create its pull secret', path: paths.secrets(namespace), body: secret });
  if (spec.egress !== undefined)
    others.push(
      { what: 'close its proxy', path: policies, body: proxyPolicy(spec.name, labels) },
      { what: 'create its proxy', path: sets, body: proxySet(spec, spec.egress, labels, facts) },
    );
  return { own: { what: 'create it', path: sets, body: set }, others };
}

/** The address of a session's way out, which its environment names. */
async function proxyAddress(
  { namespace }: Cluster,
  { name }: SessionSpec,
  user: string,
  ensure: (wanted: Wanted<V1Service>) => Promise<V1Service>,
): Promise<string> {
  const body = proxyService(name, labelsOf(name, user));
  const what = "create its proxy's address";
  const service = await ensure({ what, path: paths.services(namespace), body });
  return service.spec?.clusterIP ?? '';
}

/** Undefined where it is there already. */
async function post<T extends KubernetesObject>(
  cluster: Cluster,
  { what, path, body }: Wanted<T>,
): Promise<T | undefined> {
  try {
    const signal = AbortSignal.timeout(undoTime);
    const query = { fieldManager: manager };
    return (await cluster.connection.request<T>('POST', path, { body, query, signal })).body;
  } catch (error) {
    if (error instanceof ApiStatus && error.reason === 'AlreadyExists') return undefined;
    throw kubernetesError(what, cluster, error);
  }
}

async function existing(cluster: Cluster, name: SessionName, signal: AbortSignal): Promise<Session> {
  const set = await findSet(cluster, name, signal);
  const session = set === undefined ? undefined : sessionOf(cluster, set);
  if (session !== undefined) return session;
  throw notOurs(cluster, 'statefulset', objectName(name));
}

async function undo(cluster: Cluster, made: readonly KubernetesObject[]): Promise<void> {
  const { namespace } = cluster;
  const folders: Readonly<Record<string, string>> = {
    StatefulSet: paths.sets(namespace),
    PersistentVolumeClaim: paths.claims(namespace),
    Secret: paths.secrets(namespace),
    Service: paths.services(namespace),
    NetworkPolicy: paths.policies(namespace),
  };
  // What can't be undone must not hide why it had to be; a `delete` takes it.
  await Promise.allSettled(
    made.map(async ({ kind, metadata }) => {
      // Of that very object only, and never of one that somebody made in its place.
      const body = { preconditions: { uid: metadata?.uid }, propagationPolicy: 'Background' };
      const options = { body, signal: AbortSignal.timeout(undoTime) };
      await cluster.ask('undo what was made', 'DELETE', `${folders[kind ?? '']}/${metadata?.name}`, options);
    }),
  );
}
