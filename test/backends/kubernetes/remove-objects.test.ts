import * as assert from 'uvu/assert';
import { paths } from '../../../lib/backends/kubernetes/cluster.ts';
import { labelsOf } from '../../../lib/backends/kubernetes/objects.ts';
import { removeObjects } from '../../../lib/backends/kubernetes/remove-objects.ts';
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

test.run();
