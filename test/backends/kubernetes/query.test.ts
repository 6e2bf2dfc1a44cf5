import type { V1StatefulSet } from '@kubernetes/client-node';
import * as assert from 'uvu/assert';
import { clusterIn, paths } from '../../../lib/backends/kubernetes/cluster.ts';
import { createObjects } from '../../../lib/backends/kubernetes/create-objects.ts';
import { podName } from '../../../lib/backends/kubernetes/objects.ts';
import { findSessions } from '../../../lib/backends/kubernetes/query.ts';
import { isPaudeError } from '../../../lib/errors.ts';
import { sessionName } from '../../../lib/names.ts';
import { suite } from '../../harness/suite.ts';
import { connectTo, fakeServer } from './exec/fake-api-server.ts';
import { objectStore, type Rules, type Store } from './object-store.ts';

const test = suite('which sessions there are');
const name = sessionName('x');
const never = new AbortController().signal;

/** A store with a session that is scaled to one replica. */
async function withSession(rules: Rules = {}): Promise<Store> {
  const store = await objectStore(rules);
  const description = { agent: 'claude', agentArgs: [], packages: [], yolo: false, allowNetwork: true };
  await createObjects(store.cluster, { name, description, image: 'session:1' }, never);
  (store.objects.get(paths.set('work', name)) as object as V1StatefulSet).spec!.replicas = 1;
  return store;
}

async function listed({ cluster }: Store): Promise<unknown> {
  const found = await findSessions(cluster, false, never);
  return found.map(({ location, state, reason }) => [location.name, state, reason]);
}

test('a session whose node is not heard of does not run, whatever was last said of its containers', async () => {
  await using store = await withSession();
  const { labels } = store.objects.get(paths.set('work', name))!.metadata;
  const put = (isReady: boolean) => {
    const containerStatuses = [{ name: 'session', ready: true, started: true, state: { running: {} } }];
    const conditions = [{ type: 'Ready', status: isReady ? 'True' : 'False' }];
    const metadata = { name: podName(name), namespace: 'work', labels: labels! };
    const pod = { kind: 'Pod', metadata, status: { phase: 'Running', conditions, containerStatuses } };
    store.put(paths.pods('work'), pod);
  };
  put(true);
  assert.equal(await listed(store), [['x', 'running', undefined]]);
  put(false);
  assert.equal(await listed(store), [['x', 'starting', 'its node does not answer']]);
});

test('who may list StatefulSets and no pods is shown a session that is on its way, too', async () => {
  await using store = await withSession({ forbidden: ['list pods'] });
  assert.equal(await listed(store), [['x', 'starting', undefined]]);
});

test('a web page in the place of an answer is told as that: a console, or what asks for a login on the way', async () => {
  for (const [code, headers, words] of [
    [200, { 'content-type': 'text/html; charset=utf-8' }, 'answered with a web page (200 OK)'],
    [302, { location: 'https://login.example/' }, 'answered 302'],
    [502, { 'content-type': 'text/html' }, 'answered with a web page (502 Bad Gateway)'],
  ] as const) {
    await using server = await fakeServer({
      answer: (_, response) =>
        response.writeHead(code, headers).end(code === 302 ? '' : '<html>Log in</html>'),
    });
    const cluster = clusterIn(await connectTo(server.port), 'work');
    const error: unknown = await findSessions(cluster, false, never).catch((reason: unknown) => reason);
    assert.ok(isPaudeError(error), String(error));
    assert.match(error.message, words);
  }
});

test.run();
