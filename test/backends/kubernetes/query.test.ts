import type { V1StatefulSet } from '@kubernetes/client-node';
import * as assert from 'uvu/assert';
import { clusterIn, paths } from '../../../lib/backends/kubernetes/cluster.ts';
import { createObjects } from '../../../lib/backends/kubernetes/create-objects.ts';
import { findSessions } from '../../../lib/backends/kubernetes/query.ts';
import { isPaudeError } from '../../../lib/errors.ts';
import { sessionName } from '../../../lib/names.ts';
import { suite } from '../../harness/suite.ts';
import { connectTo, fakeServer } from './exec/fake-api-server.ts';
import { objectStore } from './object-store.ts';

const test = suite('which sessions there are');
const name = sessionName('x');
const never = new AbortController().signal;

test('who may list StatefulSets and no pods is shown a session that is on its way, too', async () => {
  await using store = await objectStore({ forbidden: ['list pods'] });
  const description = { agent: 'claude', agentArgs: [], packages: [], yolo: false, allowNetwork: true };
  await createObjects(store.cluster, { name, description, image: 'session:1' }, never);
  const set = store.objects.get(paths.set('work', name)) as object as V1StatefulSet;
  set.spec!.replicas = 1;
  const found = await findSessions(store.cluster, false, never);
  assert.equal(
    found.map(({ location, state, reason }) => [location.name, state, reason]),
    [['x', 'starting', undefined]],
  );
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
