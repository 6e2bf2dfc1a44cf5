import type { V1StatefulSet } from '@kubernetes/client-node';
import { existsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { connect } from '../../../lib/backends/kubernetes/api-connection.ts';
import { clusterIn, paths } from '../../../lib/backends/kubernetes/cluster.ts';
import { createObjects } from '../../../lib/backends/kubernetes/create-objects.ts';
import { stopPod } from '../../../lib/backends/kubernetes/scale.ts';
import { startPod } from '../../../lib/backends/kubernetes/start-pod.ts';
import { isPaudeError } from '../../../lib/errors.ts';
import { sessionName } from '../../../lib/names.ts';
import { suite } from '../../harness/suite.ts';
import { fakeServer, folder, kubeconfig } from './exec/fake-api-server.ts';
import { objectStore, type Rules, type Store } from './object-store.ts';

const test = suite('scaling a session');
const name = sessionName('x');
const set = paths.set('work', name);
const proxySet = paths.proxySet('work', name);

async function created(rules: Rules = {}): Promise<Store> {
  const store = await objectStore(rules);
  const description = { agent: 'claude', agentArgs: [], packages: [], yolo: false, allowNetwork: false };
  const egress = { image: 'proxy:1', rules: { agent: [], allow: ['first.example'], deny: [] } };
  const pullSecret = { name: 'mine', images: ['proxy:1'] };
  const spec = { name, description, image: 'session:1', egress, pullSecret };
  await createObjects(store.cluster, spec, new AbortController().signal);
  return store;
}

async function started({ cluster }: Store, signal: AbortSignal): Promise<unknown> {
  try {
    for await (const _ of startPod(cluster, name, signal));
    return undefined;
  } catch (error) {
    return error;
  }
}

const replicas = ({ objects }: Store) =>
  [set, proxySet].map((path) => (objects.get(path) as V1StatefulSet | undefined)?.spec?.replicas);

test('interrupted while it is scaled, it is scaled to nothing again', async () => {
  const user = new AbortController();
  await using store = await created({
    lost: (verb, path) => {
      if (verb === 'patch' && path === set) user.abort();
      return false;
    },
  });
  const error = await started(store, user.signal);
  assert.ok(isPaudeError(error, 'INTERRUPTED'), String(error));
  assert.equal(replicas(store), [0, 0]);
  assert.is((store.asked.join().match(/patch [^,]*\/paude-x/g) ?? []).length, 2);
});

test('a login that takes long is no time of the scaling, and can be given up', async () => {
  const user = new AbortController();
  await using server = await fakeServer({});
  await using files = await folder();
  await files.write('login', '#!/bin/sh\necho run > "$0.runs"\nexec sleep 60\n', 0o755);
  const plugin = { exec: { command: './login', interactiveMode: 'Never' } };
  const config = await files.write('config', kubeconfig(`http://127.0.0.1:${server.port}`, plugin));
  const env = { ...process.env, KUBECONFIG: config };
  const cluster = clusterIn(await connect(undefined, { env, interactive: false }), 'work');
  const starting = started({ cluster } as Store, user.signal);
  while (!existsSync(`${files.path}/login.runs`)) await wait(10);
  user.abort();
  const error = await Promise.race([starting, wait(5000, 'it went on', { ref: false })]);
  assert.ok(isPaudeError(error, 'INTERRUPTED'), String(error));
  assert.is(server.requests.length, 0);
});

test('where the answer is lost, it is scaled to nothing again', async () => {
  let patches = 0;
  await using store = await created({
    lost: (verb, path) => verb === 'patch' && path === set && patches++ < 2,
  });
  const error = await started(store, AbortSignal.timeout(5000));
  assert.ok(isPaudeError(error, 'BACKEND_UNREACHABLE'), String(error));
  assert.equal(replicas(store), [0, 0]);
});

test('what is scaled only after its connection has broken is scaled to nothing again', async () => {
  let patches = 0;
  await using store = await created({
    late: (verb, path) => verb === 'patch' && path === set && patches++ < 2,
  });
  const error = await started(store, new AbortController().signal);
  assert.ok(isPaudeError(error, 'BACKEND_UNREACHABLE'), String(error));
  await new Promise((resolve) => setTimeout(resolve, 1200));
  assert.equal(replicas(store), [0, 0]);
  assert.is(
    (store.objects.get(set) as object as V1StatefulSet).metadata!.annotations!['paude.io/started']?.length,
    24,
  );
});

test('what another start has scaled meanwhile stays', async () => {
  let patches = 0;
  await using store = await created({
    answer: (verb, path, response, { objects }) => {
      if (verb !== 'patch' || path !== set || patches++ > 1) return false;
      const found = structuredClone(objects.get(set)) as object as V1StatefulSet;
      found.spec!.replicas = 1;
      found.metadata!.annotations!['paude.io/started'] = 'by another';
      objects.set(set, found as never);
      response.destroy();
      return true;
    },
  });
  const error = await started(store, new AbortController().signal);
  assert.ok(isPaudeError(error, 'BACKEND_UNREACHABLE'), String(error));
  assert.is(patches, 3);
  assert.is(replicas(store)[0], 1);
});

test('an API server that goes away while it is asked whether a start still counts ends no start', async () => {
  let gets = 0;
  await using store = await created({
    lost: (verb, path) => verb === 'get' && path === set && gets++ < 2,
  });
  const texts: string[] = [];
  for await (const { text } of startPod(store.cluster, name, new AbortController().signal)) {
    texts.push(text);
    if (texts.length === 2) break;
  }
  assert.equal(texts, ['waiting for the pod (paude-x)', 'waiting for the pod (paude-x)']);
  assert.ok(gets >= 1);
});

test('a stop whose pod does not go says so, and why', async () => {
  await using store = await created();
  const { labels } = store.objects.get(set)!.metadata;
  const stopped = async () => {
    const { signal } = new AbortController();
    const error = await stopPod(store.cluster, name, signal, 200).catch((reason: unknown) => reason);
    return isPaudeError(error, 'SESSION_FAILED') ? `${error.message}; ${error.hint}` : String(error);
  };
  for (const [ready, why] of [
    ['True', ''],
    ['False', ': its node does not answer'],
  ] as const) {
    const conditions = [{ type: 'Ready', status: ready }];
    const status = { conditions, containerStatuses: [{ name: 'session', ready: true }] };
    const pod = { kind: 'Pod', metadata: { name: 'paude-x-0', labels: labels! }, status };
    store.put(paths.pods('work'), pod);
    assert.is(
      await stopped(),
      `the session x is scaled to nothing, and after 0.2 s there still is pod paude-x-0${why}; ` +
        'kubectl describe pod paude-x-0 -n work --context=here; git paude stop x waits again',
    );
  }
  assert.equal(replicas(store), [0, 0]);
});

test('a proxy that was removed is made again, with the rules of now', async () => {
  await using store = await created();
  const before = store.objects.get(proxySet)!;
  store.objects.delete(proxySet);
  const found = store.objects.get(set) as object as V1StatefulSet;
  found.metadata!.annotations!['paude.io/rules'] = JSON.stringify({
    agent: [],
    allow: ['second.example'],
    deny: [],
  });
  let phases = 0;
  for await (const _ of startPod(store.cluster, name, new AbortController().signal))
    if (++phases === 2) break;
  assert.equal(replicas(store), [1, 1]);
  const made = store.objects.get(proxySet) as object as V1StatefulSet;
  assert.equal(made.metadata!.labels, before.metadata.labels);
  // A delete that goes on meanwhile takes it, too.
  const owner = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'paude-x', uid: found.metadata!.uid };
  assert.equal(made.metadata!.ownerReferences, [owner]);
  const podOf = (one: object) => JSON.stringify((one as V1StatefulSet).spec!.template.spec);
  assert.match(podOf(before), 'first');
  assert.is(podOf(made), podOf(before).replaceAll('first', 'second'));
});

test.run();
