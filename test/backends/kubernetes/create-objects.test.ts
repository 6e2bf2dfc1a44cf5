import type { V1NetworkPolicy, V1StatefulSet } from '@kubernetes/client-node';
import * as assert from 'uvu/assert';
import { paths } from '../../../lib/backends/kubernetes/cluster.ts';
import { createObjects } from '../../../lib/backends/kubernetes/create-objects.ts';
import { isPaudeError } from '../../../lib/errors.ts';
import { sessionName } from '../../../lib/names.ts';
import type { SessionSpec } from '../../../lib/session/session.ts';
import { suite } from '../../harness/suite.ts';
import { objectStore, type Rules, type Store } from './object-store.ts';

const test = suite('making the objects of a session');
const name = sessionName('x');
const never = new AbortController().signal;
const claim = `${paths.claims('work')}/paude-x`;
const policy = `${paths.policies('work')}/paude-x`;
const proxySet = `${paths.sets('work')}/proxy-paude-x`;

function specOf(allowNetwork: boolean, proxyImage = 'proxy:1'): SessionSpec {
  const description = { agent: 'claude', agentArgs: [], packages: [], yolo: false, allowNetwork };
  const egress = { image: proxyImage, rules: { agent: [], allow: [], deny: [] } };
  return { name, description, image: 'session:1', ...(!allowNetwork && { egress }) };
}
/** Whether the session gets out only to what its policy names. */
const isClosed = (store: Store) =>
  (store.objects.get(policy) as object as V1NetworkPolicy).spec!.egress!.every(({ to }) => to !== undefined);
const ended = (work: Promise<unknown>) => work.then(() => undefined).catch((error: unknown) => error);

/** Where a session was made and deleted, and its policies and its proxy are left. */
async function afterEarlier(spec: SessionSpec, rules: Rules = {}): Promise<Store> {
  const store = await objectStore(rules);
  await createObjects(store.cluster, spec, never);
  for (const gone of [paths.set('work', name), claim]) store.objects.delete(gone);
  return store;
}

test('what an earlier session has left is made what this one needs', async () => {
  await using open = await afterEarlier(specOf(true));
  assert.is(isClosed(open), false);
  await createObjects(open.cluster, specOf(false), never);
  assert.is(isClosed(open), true);
  await using filtered = await afterEarlier(specOf(false, 'proxy:old'));
  await createObjects(filtered.cluster, specOf(false), never);
  const set = filtered.objects.get(proxySet) as object as V1StatefulSet;
  assert.is(set.spec!.template.spec!.containers[0]!.image, 'proxy:1');
});

test('what can’t be changed is told with how it goes, and nothing is made', async () => {
  await using store = await afterEarlier(specOf(true), { forbidden: ['update networkpolicies'] });
  const error = await ended(createObjects(store.cluster, specOf(false), never));
  assert.ok(isPaudeError(error, 'NOT_REMOVED'), String(error));
  assert.match(error.message, /there is left: networkpolicy paude-x \(ada may not update networkpolicies/);
  assert.match(error.hint!, /^git paude delete x \S+ \S+ \S+ --confirm, and then create it/);
  assert.equal(store.names(), ['NetworkPolicy paude-x']);
});

test('of two creators at once, who comes second to the session changes nothing of the first one’s', async () => {
  await using store = await objectStore();
  const made = await Promise.all([
    createObjects(store.cluster, specOf(false), never),
    createObjects(store.cluster, specOf(false), never),
  ]);
  assert.equal(made[0], made[1]);
  await createObjects(store.cluster, specOf(true), never);
  assert.is(isClosed(store), true);
});

test('a policy that goes away just then is made', async () => {
  let looks = 0;
  await using store = await afterEarlier(specOf(true), {
    answer: (verb, path, _, { objects }) => {
      if (verb === 'get' && path === policy && looks++ === 0) objects.delete(policy);
      return false;
    },
  });
  await createObjects(store.cluster, specOf(false), never);
  assert.is(looks, 1);
  assert.is(isClosed(store), true);
});

test('a stranger’s proxy of our name is not taken for ours', async () => {
  await using store = await objectStore();
  store.put(paths.sets('work'), { kind: 'StatefulSet', metadata: { name: 'proxy-paude-x' } });
  const error = await ended(createObjects(store.cluster, specOf(false), never));
  assert.ok(isPaudeError(error, 'NOT_OURS'), String(error));
  assert.equal(store.names(), ['StatefulSet proxy-paude-x']);
});

test.run();
