// Gets a cluster ready for the tests: the test cluster, started if it does not run, or any other one that
// PAUDE_TEST_KUBECONFIG names. Plain Node.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterStatus, clusterUp, clusterDown } from '../test/cluster/cluster.mjs';

/**
 * Sets `process.env` for the tests: what the cluster is, and the session's image as its nodes pull it; or the reason
 * why there is none. Gives what ends the cluster, where it was started here.
 */
export async function prepareCluster(image, proxyImage) {
  const wasUp = clusterStatus() !== undefined;
  try {
    const cluster = given() ?? (await clusterUp((text) => console.log(text)));
    process.env.PAUDE_TEST_CLUSTER = join(cluster.state, 'cluster.json');
    process.env.PAUDE_TEST_CLUSTER_IMAGE = pushImage(
      image,
      cluster.registry,
      process.env.PAUDE_TEST_CLUSTER_IMAGE,
    );
    process.env.PAUDE_TEST_CLUSTER_PROXY_IMAGE = pushImage(
      proxyImage,
      cluster.registry,
      process.env.PAUDE_TEST_CLUSTER_PROXY_IMAGE,
    );
    return wasUp || process.env.PAUDE_TEST_KUBECONFIG ? () => {} : clusterDown;
  } catch (error) {
    if (error.reason === undefined) throw error;
    process.env.PAUDE_TEST_CLUSTER_SKIP = error.reason;
    return () => {};
  }
}

/**
 * Any other cluster, in the namespace of the kubeconfig's current context, with an image that it can pull
 * (PAUDE_TEST_CLUSTER_IMAGE, PAUDE_TEST_CLUSTER_PROXY_IMAGE). There both users are the kubeconfig's, and both namespaces that one.
 */
function given() {
  const kubeconfig = process.env.PAUDE_TEST_KUBECONFIG;
  if (!kubeconfig) return undefined;
  if (!process.env.PAUDE_TEST_CLUSTER_IMAGE)
    throw Object.assign(new Error('no image'), {
      reason: 'PAUDE_TEST_KUBECONFIG needs PAUDE_TEST_CLUSTER_IMAGE, an image that the cluster can pull',
    });
  const state = mkdtempSync(join(tmpdir(), 'paude-given-cluster-'));
  const cluster = { admin: kubeconfig, certificate: kubeconfig, token: kubeconfig, given: true, state };
  writeFileSync(join(state, 'cluster.json'), JSON.stringify(cluster));
  return cluster;
}

function pushImage(image, registry, given) {
  if (registry === undefined) return given;
  const target = `${registry}/paude/${image.replace(/^.*\//, '')}`;
  const pushed = spawnSync('podman', ['push', '--quiet', '--tls-verify=false', image, target], {
    encoding: 'utf8',
  });
  if (pushed.status !== 0) throw new Error(`the image can't be pushed to ${target}: ${pushed.stderr}`);
  return target;
}
