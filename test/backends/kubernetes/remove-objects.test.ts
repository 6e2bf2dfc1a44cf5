import * as assert from 'uvu/assert';
import { paths } from '../../../lib/backends/kubernetes/cluster.ts';
import { labelsOf } from '../../../lib/backends/kubernetes/objects.ts';
import { leftObjects, removeObjects } from '../../../lib/backends/kubernetes/remove-objects.ts';
import { isPaudeError } from '../../../lib/errors.ts';
import { sessionName } from '../../../lib/names.ts';
import { suite } from '../../harness/suite.ts';
import { objectStore } from './object-store.ts';

const test = suite('removing the objects of a session');
const name = sessionName('x');
const never = new AbortController().signal;
const claims = paths.claims('work');
const claim = {
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'paude-x', labels: labelsOf(name, 'ada') },
};

test('what goes slowly is waited for over watches that end, and lists that fail', async () => {
  let lists = 0;
  await using store = await objectStore({
    answer: (verb, path, response, { objects }) => {
      if (path !== claims) return false;
      if (verb === 'deletecollection') {
        const items = [...objects.values()];
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ items }));
        return true;
      }
      // The server ends a watch in which nothing has happened, and is then started again.
      if (verb === 'watch') return void response.writeHead(200).end() === undefined;
      if (verb !== 'list') return false;
      lists++;
      if (lists === 2) return void response.destroy() === undefined;
      if (lists === 3) objects.clear();
      return false;
    },
  });
  store.put(claims, claim);
  await removeObjects(store.cluster, name, never);
  assert.is(lists, 3);
});

const secrets = paths.secrets('work');
const secret = { kind: 'Secret', metadata: { name: 'paude-x-pull', labels: labelsOf(name, 'ada') } };
const ended = (work: Promise<unknown>) => work.then(() => undefined).catch((error: unknown) => error);

test('without the right to delete a collection, all of it goes one by one', async () => {
  const resources = ['statefulsets', 'pods', 'services', 'secrets', 'persistentvolumeclaims'];
  await using store = await objectStore({ forbidden: resources.map((one) => `deletecollection ${one}`) });
  store.put(secrets, secret);
  store.put(claims, claim);
  store.put(secrets, { kind: 'Secret', metadata: { name: 'theirs' } });
  await removeObjects(store.cluster, name, never);
  assert.equal(store.names(), ['Secret theirs']);
});

test('what may not be deleted is told, and found again by the next delete', async () => {
  await using store = await objectStore({ forbidden: ['deletecollection secrets', 'delete secrets'] });
  store.put(secrets, secret);
  const error = await ended(removeObjects(store.cluster, name, never));
  assert.ok(isPaudeError(error, 'NOT_REMOVED'), String(error));
  assert.match(error.message, /left: secret paude-x-pull \(ada may not delete secrets in work/);
  assert.equal((await leftObjects(store.cluster, name, never)).objects, ['secret paude-x-pull']);
});

test('a kind that we may make and not look at is told with the right that is missing', async () => {
  await using store = await objectStore({ forbidden: ['deletecollection secrets', 'list secrets'] });
  const error = await ended(removeObjects(store.cluster, name, never));
  assert.ok(isPaudeError(error, 'NOT_REMOVED'), String(error));
  assert.match(error.message, /left: perhaps a secret \(ada may not list secrets in work/);
  assert.ok(isPaudeError(await ended(leftObjects(store.cluster, name, never)), 'FORBIDDEN'));
});

test('of a kind that we may neither make nor look at there is nothing', async () => {
  const rights = ['deletecollection', 'list', 'create'];
  await using store = await objectStore({ forbidden: rights.map((verb) => `${verb} deployments`) });
  store.put(claims, claim);
  await removeObjects(store.cluster, name, never);
  assert.equal(store.names(), []);
  assert.equal((await leftObjects(store.cluster, name, never)).objects, []);
});

/** What sessions never consist of, and people add to them. */
const added = {
  '/apis/batch/v1': { jobs: 'Job', cronjobs: 'CronJob' },
  '/apis/apps/v1': { replicasets: 'ReplicaSet', daemonsets: 'DaemonSet' },
  '/api/v1': { replicationcontrollers: 'ReplicationController', serviceaccounts: 'ServiceAccount' },
  '/apis/networking.k8s.io/v1': { ingresses: 'Ingress' },
  '/apis/autoscaling/v1': { horizontalpodautoscalers: 'HorizontalPodAutoscaler' },
  '/apis/policy/v1': { poddisruptionbudgets: 'PodDisruptionBudget' },
  '/apis/rbac.authorization.k8s.io/v1': { rolebindings: 'RoleBinding', roles: 'Role' },
  '/apis/route.openshift.io/v1': { routes: 'Route' },
};

test('what somebody else has made with the session’s labels goes with it, and Node warns of nothing', async () => {
  const warnings: string[] = [];
  const warned = ({ message }: Error) => void warnings.push(message);
  process.on('warning', warned);
  await using store = await objectStore();
  const theirs = Object.entries(added).flatMap(([group, all]) =>
    Object.entries(all).map(([resource, kind]) => ({
      kind,
      collection: `${group}/namespaces/work/${resource}`,
    })),
  );
  for (const { kind, collection } of theirs) {
    store.put(collection, { kind, metadata: { name: 'added', labels: labelsOf(name, 'bob') } });
    store.put(collection, { kind, metadata: { name: 'another', labels: labelsOf(sessionName('y'), 'bob') } });
  }
  const { objects } = await leftObjects(store.cluster, name, new AbortController().signal);
  assert.equal([...objects].sort(), theirs.map(({ kind }) => `${kind.toLowerCase()} added`).sort());
  await removeObjects(store.cluster, name, new AbortController().signal);
  assert.equal(
    store.names(),
    theirs.map(({ kind }) => `${kind} another`),
  );
  process.off('warning', warned);
  assert.equal(warnings, []);
});

test('what of it may not be deleted is told', async () => {
  await using store = await objectStore({ forbidden: ['deletecollection jobs', 'delete jobs'] });
  const jobs = '/apis/batch/v1/namespaces/work/jobs';
  store.put(jobs, { kind: 'Job', metadata: { name: 'nightly', labels: labelsOf(name, 'bob') } });
  const error = await ended(removeObjects(store.cluster, name, never));
  assert.ok(isPaudeError(error, 'NOT_REMOVED'), String(error));
  assert.match(error.message, /left: job nightly \(ada may not delete jobs in work/);
});

test('a kind that no session consists of, and that is not served or may not be seen, holds nothing up', async () => {
  const verbs = ['deletecollection', 'list'];
  await using store = await objectStore({
    forbidden: verbs.map((verb) => `${verb} rolebindings`),
    answer: (_, path, response) => {
      if (!path.endsWith('/routes')) return false;
      response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found');
      return true;
    },
  });
  store.put(claims, claim);
  await removeObjects(store.cluster, name, never);
  assert.equal(store.names(), []);
  assert.equal((await leftObjects(store.cluster, name, never)).objects, []);
});

test.run();
