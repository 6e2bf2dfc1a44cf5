// Where the demo's session runs: on Podman, on the cluster of the user's kubeconfig, or on the test cluster.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { prepareMachine } from './machine.mjs';

const backends = ['podman', 'kubernetes', 'openshift'];

/**
 * Sets `process.env` for the demo's commands. Gives the flags of its `create`, and what ends whatever was started for
 * it. Throws with the reason where there can be no session.
 */
export async function prepareDemo(backend, scratch) {
  if (!backends.includes(backend)) throw new Error(`--backend is one of ${backends.join(', ')}`);
  const flags = backend === 'podman' ? [] : [`--backend=${backend}`];
  const nothing = () => {};
  // Ready images need nothing of this machine; else they are built here.
  const isReady = backend !== 'podman' && process.env.PAUDE_IMAGE && process.env.PAUDE_PROXY_IMAGE;
  const reason = isReady ? undefined : await prepareMachine();
  if (reason) throw new Error(reason);
  if (backend === 'podman') return { flags, end: nothing };
  if (process.env.KUBECONFIG || existsSync(join(homedir(), '.kube/config'))) {
    console.log('the cluster is the current context of your kubeconfig');
    return { flags, end: nothing };
  }
  return { flags, end: await testCluster(scratch) };
}

/** As one of its users, in the namespace that is as OpenShift would have it. */
async function testCluster(scratch) {
  console.log(
    'there is no kubeconfig: the cluster is the one of the tests, a real Kubernetes on this machine',
  );
  const { prepareCluster } = await import('./cluster-world.mjs');
  const args = ['--import', 'tsx', 'test/harness/session-image.ts'];
  const image = spawnSync(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
  if (image.status !== 0) throw new Error("the session's image could not be built");
  const end = await prepareCluster(...image.stdout.trim().split('\n'));
  if (process.env.PAUDE_TEST_CLUSTER_SKIP) throw new Error(process.env.PAUDE_TEST_CLUSTER_SKIP);
  const { token } = JSON.parse(readFileSync(process.env.PAUDE_TEST_CLUSTER, 'utf8'));
  process.env.KUBECONFIG = token;
  process.env.PAUDE_OPENSHIFT_CONTEXT = 'restricted';
  process.env.PAUDE_IMAGE = process.env.PAUDE_TEST_CLUSTER_IMAGE;
  process.env.PAUDE_PROXY_IMAGE = process.env.PAUDE_TEST_CLUSTER_PROXY_IMAGE;
  // It is not to be remembered among the clusters that the user has used.
  process.env.XDG_CONFIG_HOME = join(scratch, 'config');
  return end;
}
