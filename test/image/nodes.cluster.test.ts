import * as assert from 'uvu/assert';
import { openCluster } from '../../lib/backends/kubernetes/kubernetes-backend.ts';
import { clusterRegistry } from '../../lib/backends/kubernetes/registry/cluster-registry.ts';
import { clusterEnv } from '../harness/cluster-world.ts';
import { registrySkip } from '../harness/registries.ts';
import { suite } from '../harness/suite.ts';

const test = suite('the nodes’ platform');
const signal = new AbortController().signal;

async function seenBy(user: 'admin' | 'certificate') {
  const env = clusterEnv(user);
  const cluster = await openCluster({
    env,
    interactive: false,
    context: undefined,
    namespace: 'paude-plain',
  });
  return clusterRegistry(cluster).platforms(signal);
}

test.skipIf(registrySkip)('is read from the nodes by who may look at them, and by nobody else', async () => {
  // The cluster's only node is this machine.
  assert.equal(await seenBy('admin'), [`linux/${process.arch === 'arm64' ? 'arm64' : 'amd64'}`]);
  assert.equal(await seenBy('certificate'), []);
});

test.run();
