import type { KubernetesObject, V1Secret, V1Service, V1StatefulSet } from '@kubernetes/client-node';
import { isPaudeError, PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import type { Session, SessionSpec } from '../../session/session.ts';
import { ApiStatus } from './api-connection.ts';
import { findSet, paths, type Cluster, type Facts } from './cluster.ts';
import { kubernetesError } from './kubernetes-errors.ts';
import { proxyPolicy, proxyService, proxySet, sessionPolicy } from './network-objects.ts';
import { keys, labelsOf, manager, manifests, objectName } from './objects.ts';
import { sessionOf } from './query.ts';
import { notOurs, refuseStrangers } from './strangers.ts';
import { checkClass, refuseOlder, settleClaim } from './volume-claim.ts';

/** Undoing must not be interrupted by what made it necessary. Milliseconds. */
const undoTime = 30_000;

/**
 * Makes a session's PersistentVolumeClaim, its StatefulSet with no replica, its policies and its proxy. Each is posted, not applied: of two
 * creators at once just one makes the StatefulSet, and that is the session; an apply by the same field manager
 * would silently put the second one's description over the first one's.
 */
export async function createObjects(
  cluster: Cluster,
  spec: SessionSpec,
  signal: AbortSignal,
): Promise<Session> {
  const facts = await cluster.facts(signal);
  const made: KubernetesObject[] = [];
  // Not ended by an interrupt: whether it was made must be known, to be undone.
  const make = async <T extends KubernetesObject>(what: string, path: string, body: T) => {
    const object = await post<T>(cluster, what, path, body);
    if (object !== undefined) made.push(object);
    return object;
  };
  let older: KubernetesObject | undefined;
  try {
    const proxy = spec.egress && (await proxyAddress(cluster, spec, facts.user, make, signal));
    const wanted = objectsOf(cluster, spec, facts, proxy);
    const results = await Promise.allSettled(
      wanted.map(async ({ what, path, body }) => {
        if ((await make(what, path, body)) !== undefined || body.kind === 'StatefulSet') return;
        if (body.kind === 'Secret') await renewSecret(cluster, body as V1Secret);
        else if (body.kind === 'PersistentVolumeClaim')
          older = await settleClaim(cluster, spec.name, body, () => make(what, path, body), signal);
        else await refuseStrangers(cluster, path, body, signal);
      }),
    );
    for (const one of results) if (one.status === 'rejected') throw one.reason;
    const set = made.find(
      ({ kind, metadata }) => kind === 'StatefulSet' && metadata?.name === objectName(spec.name),
    );
    if (set === undefined) return await existing(cluster, spec.name, signal);
    if (older !== undefined) refuseOlder(cluster, spec.name, older, set);
    const claim = made.find(({ kind }) => kind === 'PersistentVolumeClaim');
    if (spec.description.storageClass !== undefined && claim !== undefined)
      await checkClass(cluster, spec.name, claim, signal);
    signal.throwIfAborted();
    return sessionOf(cluster, set as V1StatefulSet)!;
  } catch (error) {
    await undo(cluster, made);
    throw signal.aborted && !isPaudeError(error) ? new PaudeError('INTERRUPTED', 'interrupted') : error;
  }
}

/** One that was left over is a session's of this name that is gone, or a stranger's. Throws NOT_OURS. */
async function renewSecret(cluster: Cluster, secret: V1Secret): Promise<void> {
  const path = paths.secrets(cluster.namespace);
  const one = `${path}/${secret.metadata!.name}`;
  const signal = AbortSignal.timeout(undoTime);
  const there = await cluster.find<V1Secret>('look at its pull secret', one, signal);
  if (there?.metadata?.labels?.[keys.managedBy] !== manager)
    throw notOurs(cluster, 'secret', secret.metadata!.name!);
  await cluster.ask('renew its pull secret', 'PUT', one, { body: secret, signal });
}

interface Wanted {
  readonly what: string;
  readonly path: string;
  readonly body: KubernetesObject;
}

/** All that a session consists of, but for the Service, which had to be there first. */
function objectsOf(
  { namespace }: Cluster,
  spec: SessionSpec,
  facts: Facts,
  proxy: string | undefined,
): readonly Wanted[] {
  const { claim, set, secret } = manifests(spec, facts.user, facts, proxy);
  const labels = labelsOf(spec.name, facts.user);
  const policies = paths.policies(namespace);
  return [
    { what: 'create its volume', path: paths.claims(namespace), body: claim },
    ...(secret === undefined
      ? []
      : [{ what: 'create its pull secret', path: paths.secrets(namespace), body: secret }]),
    { what: 'close its network', path: policies, body: sessionPolicy(spec, labels, proxy) },
    ...(spec.egress === undefined
      ? []
      : [
          { what: 'close its proxy', path: policies, body: proxyPolicy(spec.name, labels) },
          {
            what: 'create its proxy',
            path: paths.sets(namespace),
            body: proxySet(spec, spec.egress, labels, facts),
          },
        ]),
    { what: 'create it', path: paths.sets(namespace), body: set },
  ];
}

/** The address of a session's way out, which its environment names. */
async function proxyAddress(
  cluster: Cluster,
  { name }: SessionSpec,
  user: string,
  make: (what: string, path: string, body: V1Service) => Promise<V1Service | undefined>,
  signal: AbortSignal,
): Promise<string> {
  const path = paths.services(cluster.namespace);
  const body = proxyService(name, labelsOf(name, user));
  const service =
    (await make("create its proxy's address", path, body)) ??
    (await refuseStrangers<V1Service>(cluster, path, body, signal));
  return service?.spec?.clusterIP ?? '';
}

/** Undefined where it is there already. */
async function post<T>(cluster: Cluster, what: string, path: string, body: T): Promise<T | undefined> {
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
