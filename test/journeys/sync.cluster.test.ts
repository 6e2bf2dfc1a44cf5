import { spawnSync } from 'node:child_process';
import { clusterEnv } from '../harness/cluster-world.ts';
import { suite } from '../harness/suite.ts';
import { onRestrictedCluster } from './ground.ts';
import { syncJourney } from './sync-journey.ts';

const test = suite('journey: sync, cluster');
syncJourney(test, onRestrictedCluster, [
  {
    how: 'its first program killed, and its container started again by the kubelet',
    keeps: true,
    run(session) {
      const kill = ['pkill', '-KILL', '-f', '^/bin/sh /usr/libexec/paude/entrypoint'];
      const where = ['-n', 'paude-restricted', '-c', 'session', `paude-${session}-0`];
      const done = spawnSync('kubectl', ['exec', ...where, '--', ...kill], { env: clusterEnv('admin') });
      if (done.error !== undefined) throw done.error;
    },
  },
  {
    how: 'its pod deleted, and made again by its controller',
    keeps: false,
    run: (session) => onRestrictedCluster.kill(session),
  },
]);
test.run();
