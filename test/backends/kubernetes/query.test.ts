import type { V1StatefulSet } from '@kubernetes/client-node';
import * as assert from 'uvu/assert';
import { paths } from '../../../lib/backends/kubernetes/cluster.ts';
import { createObjects } from '../../../lib/backends/kubernetes/create-objects.ts';
import { findSessions } from '../../../lib/backends/kubernetes/query.ts';
import { sessionName } from '../../../lib/names.ts';
import { suite } from '../../harness/suite.ts';
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

test.run();
