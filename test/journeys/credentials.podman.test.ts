import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { credentialsJourney } from './credentials-suite.ts';
import { onPodman } from './ground.ts';

const podman = (...args: string[]) => spawnSync('podman', args, { encoding: 'utf8' }).stdout.trim();
const store = () => podman('info', '--format', '{{.Store.GraphRoot}}');
const running = () => podman('info', '--format', '{{.Store.RunRoot}}');

credentialsJourney({
  ground: onPodman,
  disks: (session) => [
    podman('volume', 'inspect', '--format', '{{.Mountpoint}}', `paude-${session}`),
    dirname(podman('container', 'inspect', '--format', '{{.GraphDriver.Data.UpperDir}}', `paude-${session}`)),
    join(store(), 'overlay-containers'),
    join(store(), 'libpod'),
    running(),
  ],
  everything: () => [store(), running()],
  said: (session) =>
    [
      onPodman.configuration(session),
      podman('volume', 'inspect', `paude-${session}.credentials`),
      podman('events', '--stream=false', '--since', '30m', '--format', 'json'),
      podman('logs', `paude-${session}`),
    ].join('\n'),
});
