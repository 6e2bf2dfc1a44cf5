import { openKubernetes } from '../../lib/backends/kubernetes/kubernetes-backend.ts';
import {
  clusterEnv,
  clusterImage,
  clusterPlace,
  clusterProxyImage,
  clusterSkip,
} from '../harness/cluster-world.ts';
import { suite } from '../harness/suite.ts';
import { OutsideOnCluster } from '../outside/on-cluster.ts';
import type { Outside } from '../outside/outside.ts';
import { networkSuite } from './network-suite.ts';
import { FilteredSessions } from './session-ports.ts';

const test = suite('the network of a session on a cluster, changed while it runs');
const place = clusterPlace('restricted');
const kubectl = (outside: Outside, ...args: string[]) =>
  (outside as OutsideOnCluster).kubectl('-n', place.namespace, ...args);
networkSuite(test, {
  skip: clusterSkip,
  outside: () => new OutsideOnCluster(),
  sessions: async () => {
    const options = { interactive: false, transport: 'auto', everywhere: false, ...place } as const;
    const backend = await openKubernetes({ ...options, env: clusterEnv('token') });
    return new FilteredSessions(backend, { session: clusterImage, proxy: clusterProxyImage });
  },
  kills: {
    'squid alone': (outside, name) =>
      void kubectl(
        outside,
        'exec',
        `proxy-paude-${name}-0`,
        '--',
        'sh',
        '-c',
        'kill -9 $(pidof -s squid || pgrep squid)',
      ),
    whole: (outside, name) =>
      void kubectl(outside, 'delete', 'pod', `proxy-paude-${name}-0`, '--grace-period=0', '--force'),
  },
  // Its StatefulSet makes it again.
  killSession: (outside, name) =>
    void kubectl(outside, 'delete', 'pod', `paude-${name}-0`, '--grace-period=1'),
});
test.run();
