import * as assert from 'uvu/assert';
import type { Cluster } from '../../../lib/backends/kubernetes/cluster.ts';
import { clusterRegistry } from '../../../lib/backends/kubernetes/registry/cluster-registry.ts';
import { suite } from '../../harness/suite.ts';

const test = suite("the user's login to the cluster's registry");
const signal = new AbortController().signal;

/** A user whose plugin gives token 1, then token 2, …; one that may not be renewed stays with the first. */
function userWith(renewable: boolean) {
  let runs = 1;
  const connection = {
    upgrade: async () => ({ options: { headers: { authorization: `Bearer token-${runs}` } } }),
    renew: () => {
      if (renewable) runs++;
      return renewable;
    },
  };
  const cluster = { connection, namespace: 'n', facts: async () => ({ user: 'ada' }) };
  return { inside: clusterRegistry(cluster as unknown as Cluster), runs: () => runs };
}

test('is renewed when it was refused, once, and not for being asked for again', async () => {
  const { inside, runs } = userWith(true);
  for (let times = 0; times < 3; times++)
    assert.equal(await inside.login(signal), { username: 'ada', token: 'token-1' });
  assert.is((await inside.login(signal, 'token-1'))?.token, 'token-2');
  // Another request was refused the old one as well.
  assert.is((await inside.login(signal, 'token-1'))?.token, 'token-2');
  assert.is(runs(), 2);
});

test('stays what it is where there is no other', async () => {
  const { inside } = userWith(false);
  assert.is((await inside.login(signal, 'token-1'))?.token, 'token-1');
});

test.run();
