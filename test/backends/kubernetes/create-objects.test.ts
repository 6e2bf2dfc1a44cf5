import type { V1NetworkPolicy, V1StatefulSet } from '@kubernetes/client-node';
import type { ServerResponse } from 'node:http';
import * as assert from 'uvu/assert';
import { paths } from '../../../lib/backends/kubernetes/cluster.ts';
import { completeObjects } from '../../../lib/backends/kubernetes/complete-objects.ts';
import { createObjects } from '../../../lib/backends/kubernetes/create-objects.ts';
import { kubernetesError } from '../../../lib/backends/kubernetes/kubernetes-errors.ts';
import { keys, labelsOf } from '../../../lib/backends/kubernetes/objects.ts';
import { uninterrupted } from '../../../lib/backends/kubernetes/uninterrupted.ts';
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
  assert.match(
    error.hint!,
    /^an administrator can grant it: kubectl create role \S*-update-networkpolicies-/,
  );
  assert.match(error.hint!, /; or git paude delete x \S+ \S+ \S+ --confirm, and then create it/);
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

/** All that a session can have: a proxy, and a pull secret of its own. */
const whole: SessionSpec = {
  ...specOf(false),
  pullSecret: { images: ['session:1'], entries: [{ registry: 'r', username: 'u', password: 'p' }] },
};

test('what was made without an answer is undone with the rest, whichever it is', async () => {
  for (let at = 0; ; at++) {
    let creates = 0;
    await using store = await objectStore({ lost: (verb) => verb === 'create' && creates++ === at });
    const error = await ended(createObjects(store.cluster, whole, never));
    if (error === undefined) {
      assert.is(at, 7);
      assert.is(store.objects.size, 7);
      return;
    }
    assert.ok(isPaudeError(error, 'BACKEND_UNREACHABLE'), String(error));
    assert.equal(store.names(), [], `after the making of object ${at}`);
  }
});

test('an undo goes on where its own connection breaks', async () => {
  let deletes = 0;
  await using store = await objectStore({
    forbidden: ['create statefulsets'],
    answer: (verb, _, response) => {
      const breaks = verb === 'delete' && deletes++ < 8;
      if (breaks) response.destroy();
      return breaks;
    },
  });
  const error = await ended(createObjects(store.cluster, specOf(false), never));
  assert.ok(isPaudeError(error, 'FORBIDDEN'), String(error));
  assert.equal(store.names(), []);
});

test('another creator’s object is not undone by one whose own making was not answered', async () => {
  await using store = await objectStore({
    answer: (verb, path, response, { put }) => {
      if (verb !== 'create' || path !== paths.claims('work')) return false;
      const metadata = { name: 'paude-x', annotations: { 'paude.io/create': 'another' } };
      put(path, { kind: 'PersistentVolumeClaim', metadata });
      response.destroy();
      return true;
    },
  });
  const error = await ended(createObjects(store.cluster, specOf(false), never));
  assert.ok(isPaudeError(error, 'BACKEND_UNREACHABLE'), String(error));
  assert.equal(store.names(), ['PersistentVolumeClaim paude-x']);
});

/** A cluster in which another creator's session is there, just when one is to be made, which does `then`. */
const overtaken = (then: (response: ServerResponse) => boolean) =>
  objectStore({
    answer: (verb, path, response, { put }) => {
      if (verb !== 'create' || path !== paths.sets('work')) return false;
      const annotations = { [keys.spec]: JSON.stringify({ name }), [keys.create]: 'another' };
      put(path, {
        kind: 'StatefulSet',
        metadata: { name: 'paude-x', labels: labelsOf(name, 'ada'), annotations },
      });
      return then(response);
    },
  });

test('what another creator’s session consists of by now is not undone by one that fails, or is interrupted', async () => {
  await using full = await overtaken((response) => {
    const status = { kind: 'Status', code: 403, message: 'exceeded quota: sets' };
    response.writeHead(403, { 'content-type': 'application/json' }).end(JSON.stringify(status));
    return true;
  });
  const error = await ended(createObjects(full.cluster, specOf(true), never));
  assert.ok(isPaudeError(error, 'QUOTA_EXCEEDED'), String(error));
  assert.equal([...full.names()].sort(), wholeOf(true));
  const interrupt = new AbortController();
  await using left = await overtaken(() => {
    interrupt.abort();
    return false;
  });
  const end = await ended(createObjects(left.cluster, specOf(true), interrupt.signal));
  assert.ok(isPaudeError(end, 'INTERRUPTED'), String(end));
  assert.equal([...left.names()].sort(), wholeOf(true));
});

test('a server that never answers can’t be reached, and nobody is said to have interrupted', async () => {
  await using store = await objectStore({ answer: (verb) => verb === 'create' });
  const { connection } = store.cluster;
  const path = paths.claims('work');
  const asking = uninterrupted((signal) => connection.request('POST', path, { body: {}, signal }), 100);
  const error = kubernetesError('create it', store.cluster, await ended(asking));
  assert.is(error.code, 'BACKEND_UNREACHABLE');
  assert.match(error.message, /can't be reached to create it: it has not answered for 0.1 s/);
});

test('where another creator undoes what it made just then, the session is made by who came second', async () => {
  let first = true;
  const refused = { kind: 'Status', code: 409, reason: 'AlreadyExists' };
  await using store = await objectStore({
    answer: (verb, path, response) => {
      if (verb !== 'create' || path !== paths.sets('work') || !first) return false;
      first = false;
      response.writeHead(409, { 'content-type': 'application/json' }).end(JSON.stringify(refused));
      return true;
    },
  });
  const session = await createObjects(store.cluster, specOf(true), never);
  assert.is(session.state, 'created');
  assert.equal([...store.names()].sort(), wholeOf(true));
});

test('what another creator undoes after it was found is made again', async () => {
  let looks = 0;
  await using store = await afterEarlier(specOf(false), {
    answer: (verb, path, _, { objects }) => {
      if (verb === 'update' && path === policy && looks++ === 0) objects.delete(policy);
      return false;
    },
  });
  await createObjects(store.cluster, specOf(false), never);
  assert.is(looks, 1);
  assert.equal([...store.names()].sort(), wholeOf(false));
});

function wholeOf(allowNetwork: boolean): readonly string[] {
  const own = ['NetworkPolicy', 'PersistentVolumeClaim', 'StatefulSet'].map((kind) => `${kind} paude-x`);
  const proxy = ['NetworkPolicy', 'Service', 'StatefulSet'].map((kind) => `${kind} proxy-paude-x`);
  return (allowNetwork ? own : [...own, ...proxy]).sort();
}

test('a session that lacks something is made whole, by what its StatefulSet tells', async () => {
  await using store = await objectStore();
  const spec = { ...specOf(false), pullSecret: { name: 'mine', images: ['proxy:1'] } };
  const session = await createObjects(store.cluster, spec, never);
  const before = new Map(store.objects);
  for (const path of store.objects.keys()) if (path !== paths.set('work', name)) store.objects.delete(path);
  assert.is(await completeObjects(store.cluster, session, never), true);
  assert.equal([...store.names()].sort(), wholeOf(false));
  for (const [path, { spec, metadata }] of store.objects) {
    assert.equal(spec, before.get(path)!.spec, path);
    assert.equal(metadata.labels, before.get(path)!.metadata.labels, path);
  }
  const asked = store.asked.length;
  assert.is(await completeObjects(store.cluster, session, never), true);
  assert.not.match(store.asked.slice(asked).join(), /create|update/);
});

test('of a session that goes away while it is made whole, nothing is left', async () => {
  let isThere = false;
  await using store = await objectStore({
    answer: (verb, path, _, { objects }) => {
      if (verb === 'create' && path === paths.policies('work') && isThere)
        for (const gone of objects.keys()) objects.delete(gone);
      return false;
    },
  });
  const session = await createObjects(store.cluster, specOf(true), never);
  isThere = true;
  store.objects.delete(policy);
  assert.is(await completeObjects(store.cluster, session, never), false);
  assert.equal(store.names(), []);
  assert.is(await completeObjects(store.cluster, session, never), false);
});

test('what of a session can’t be made again is told', async () => {
  await using store = await objectStore();
  const session = await createObjects(store.cluster, whole, never);
  store.objects.delete(`${paths.secrets('work')}/paude-x-pull`);
  const secret = await ended(completeObjects(store.cluster, session, never));
  assert.ok(isPaudeError(secret, 'SESSION_FAILED'), String(secret));
  assert.match(secret.message, 'the pull secret paude-x-pull of the session x is gone');
  assert.match(secret.hint!, /^git paude delete x /);
  store.objects.delete(claim);
  const volume = await ended(completeObjects(store.cluster, { ...session, state: 'stopped' }, never));
  assert.ok(isPaudeError(volume, 'SESSION_FAILED'), String(volume));
  assert.match(volume.message, 'the volume of the session x is gone, and what was on it');
  assert.not(store.objects.has(claim));
});

test.run();
