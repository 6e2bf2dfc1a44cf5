import { spawnSync } from 'node:child_process';
import { suite } from '../harness/suite.ts';
import { onPodman } from './ground.ts';
import { syncJourney } from './sync-journey.ts';

const test = suite('journey: sync');
syncJourney(test, onPodman, [
  {
    how: 'its container killed, and started by podman',
    keeps: false,
    run(session) {
      onPodman.kill(session);
      spawnSync('podman', ['start', `paude-${session}`]);
    },
  },
]);
test.run();
