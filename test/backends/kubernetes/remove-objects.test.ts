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

test.run();
