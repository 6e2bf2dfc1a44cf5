import type {
  CoreV1Event,
  KubernetesObject,
  V1Secret,
  V1Service,
  V1StatefulSet,
} from '@kubernetes/client-node';
import { isPaudeError, PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import type { Session, SessionSpec } from '../../session/session.ts';
import { ApiStatus } from './api-connection.ts';
import { findSet, paths, type Cluster, type Facts } from './cluster.ts';
import { kubernetesError } from './kubernetes-errors.ts';
import { proxyPolicy, proxyService, proxySet, sessionPolicy } from './network-objects.ts';
import { keys, labelsOf, manager, manifests, objectName } from './objects.ts';
import { isOurs, sessionOf } from './query.ts';

/** Undoing must not be interrupted by what made it necessary. Milliseconds. */
const undoTime = 30_000;
/** How long the cluster may take to say that it does not know a storage class; milliseconds. */
const classTime = 3000;

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
  try {
    const proxy = spec.egress && (await proxyAddress(cluster, spec, facts.user, make, signal));
    const wanted = objectsOf(cluster, spec, facts, proxy);
    const results = await Promise.allSettled(
      wanted.map(async ({ what, path, body }) => {
        if ((await make(what, path, body)) !== undefined || body.kind === 'StatefulSet') return;
        if (body.kind === 'Secret') await renewSecret(cluster, body as V1Secret);
        else await refuseStrangers(cluster, path, body, signal);
      }),
    );
    for (const one of results) if (one.status === 'rejected') throw one.reason;
    const set = made.find(
      ({ kind, metadata }) => kind === 'StatefulSet' && metadata?.name === objectName(spec.name),
    );
    if (set === undefined) return await existing(cluster, spec.name, signal);
    const claim = made.find(({ kind }) => kind === 'PersistentVolumeClaim');
    if (spec.description.storageClass !== undefined && claim !== undefined)
      await checkClass(cluster, claim, spec, signal);
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

/** What is there already under a name of ours, which must be ours. */
async function refuseStrangers<T extends KubernetesObject>(
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
      hint: `choose another name, or look at it: kubectl get ${kind} ${object} -n ${namespace} --context=${context} -o yaml`,
    },
  );
}

/**
 * Few may look at storage classes, but everybody hears of one that is not there: the first event of the claim
 * tells. Silence is no refusal; `start` would hear of it again.
 */
async function checkClass(
  cluster: Cluster,
  { metadata }: KubernetesObject,
  { name }: SessionSpec,
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

/** Whether a StatefulSet may be worked with. Throws NOT_OURS. */
export function assertOurs(cluster: Cluster, set: V1StatefulSet): void {
  if (!isOurs(set)) throw notOurs(cluster, 'statefulset', set.metadata?.name ?? '');
}
