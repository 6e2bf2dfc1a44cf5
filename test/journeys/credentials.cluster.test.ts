import { spawnSync } from 'node:child_process';
import { clusterEnv, testCluster } from '../harness/cluster-world.ts';
import { credentialsJourney } from './credentials-suite.ts';
import { onRestrictedCluster } from './ground.ts';

const kubectl = (...args: string[]) =>
  spawnSync('kubectl', [...args, '-n', 'paude-restricted'], {
    env: clusterEnv('admin'),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  }).stdout;
/** etcd, the audit log, the containers' layers and logs, the kubelet's folders and the volumes. */
const state = () => [testCluster.state];

credentialsJourney({
  ground: onRestrictedCluster,
  disks: state,
  everything: state,
  said: () =>
    ['all', 'events', 'configmaps', 'secrets', 'persistentvolumeclaims', 'networkpolicies']
      .map((kind) => kubectl('get', kind, '-o', 'yaml', '--show-managed-fields'))
      .join('\n'),
});
