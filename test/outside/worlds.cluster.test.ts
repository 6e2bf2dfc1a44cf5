import * as assert from 'uvu/assert';
import { clusterSkip } from '../harness/cluster-world.ts';
import { suite } from '../harness/suite.ts';
import { until } from '../journeys/world.ts';
import { OutsideOnCluster } from './on-cluster.ts';

const test = suite('worlds outside of a cluster’s sessions');
const it = test.skipIf(clusterSkip ?? (process.env['PAUDE_TEST_KUBECONFIG'] && 'its node is not ours'));
const worlds: OutsideOnCluster[] = [];

test.after(() => {
  for (const world of worlds) world.end();
});

it('several stand beside one another, each at an address of its own, and what they share outlives one', async () => {
  const [one, two] = [new OutsideOnCluster(), new OutsideOnCluster()];
  worlds.push(two);
  const ask = (url: string) =>
    two.kubectl(
      'exec',
      'world',
      '-n',
      two.namespace,
      '--',
      'curl',
      '-sS',
      '--retry',
      '9',
      '--retry-connrefused',
      url,
    );
  assert.is.not(one.surroundings.address, two.surroundings.address);
  for (const world of [one, two]) {
    assert.match(ask(`http://${world.surroundings.address}/who`), 'reached');
    assert.is(world.asked().match(/^asked /gm)?.length, 1);
  }
  const metadata = 'http://169.254.169.254/who';
  assert.match(ask(metadata), 'reached');
  one.end();
  await until(
    () => two.kubectl('get', 'namespaces'),
    (said) => !said.includes(`${one.namespace} `),
  );
  assert.match(
    await until(
      () => ask(metadata),
      (said) => said !== '',
    ),
    'reached',
  );
});

test.run();
