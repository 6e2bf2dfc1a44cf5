import * as assert from 'uvu/assert';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { openKubernetes } from '../../lib/backends/kubernetes/kubernetes-backend.ts';
import { isPaudeError } from '../../lib/errors.ts';
import { sessionName } from '../../lib/names.ts';
import { clusterEnv, clusterImage, clusterProxyImage, clusterSkip } from '../harness/cluster-world.ts';
import { suite } from '../harness/suite.ts';
import { FilteredSessions, never } from './session-ports.ts';

const test = suite('a cluster that does not enforce policies');
const it = test.skipIf(clusterSkip ?? (process.env['PAUDE_TEST_KUBECONFIG'] && 'it is not ours to break'));
const name = sessionName(`enforced-${process.pid}`);
const script = fileURLToPath(new URL('../../scripts/cluster.mjs', import.meta.url));
const cluster = (...args: string[]) => execFileSync(process.execPath, [script, ...args], { stdio: 'pipe' });
let sessions: FilteredSessions;

test.before(async () => {
  if (clusterSkip !== undefined) return;
  const place = { context: 'plain', namespace: 'paude-plain' };
  const options = {
    env: clusterEnv('certificate'),
    interactive: false,
    transport: 'auto',
    everywhere: false,
  } as const;
  const images = { session: clusterImage, proxy: clusterProxyImage };
  sessions = new FilteredSessions(await openKubernetes({ ...options, ...place }), images);
});
test.after(async () => {
  if (clusterSkip === undefined) await sessions.backend.remove(name, never);
});

it('start fails and leaves nothing running; who accepts it goes on, and is told; enforced again, all is well', async () => {
  await sessions.create(name);
  cluster('stop', 'netpol');
  try {
    // What it had written is still in force for the pods that were there, and a new pod is not among them.
    await sessions.start(name).then(
      () => assert.unreachable(),
      (error: unknown) => {
        assert.ok(isPaudeError(error, 'NETWORK_UNENFORCED'), String(error));
        assert.match(error.message, 'this cluster does not enforce NetworkPolicy');
        assert.match(error.message, 'the port of its proxy that is closed to all');
        assert.match(error.message, /its node \(fe80:\S+%eth0 port 10250\)/);
        assert.match(error.hint!, '--accept-unenforced');
      },
    );
    assert.is((await sessions.backend.get(name, never))?.state, 'stopped');
    const accepting = { ...sessions.ports.network, acceptUnenforced: async () => true };
    Object.assign(sessions.ports, { network: accepting });
    await sessions.start(name);
    assert.match(sessions.notices.at(-1)!, 'you accepted that');
    await sessions.backend.stop(name, never);
  } finally {
    cluster('start', 'netpol');
  }
  Object.assign(sessions.ports, {
    network: { ...sessions.ports.network, acceptUnenforced: async () => false },
  });
  await sessions.start(name);
  assert.is((await sessions.backend.get(name, never))?.state, 'running');
});

test.run();
