import * as assert from 'uvu/assert';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { openKubernetes } from '../../lib/backends/kubernetes/kubernetes-backend.ts';
import { isPaudeError } from '../../lib/errors.ts';
import { sessionName } from '../../lib/names.ts';
import { clusterEnv, clusterImage, clusterPlace, clusterProxyImage } from '../harness/cluster-world.ts';
import { ownClusterSkip } from '../harness/cluster-parts.ts';
import { ClusterRepository, until } from '../harness/cluster-repository.ts';
import { suite } from '../harness/suite.ts';
import { PersonTerminal } from '../journeys/person-terminal.ts';
import { FilteredSessions, never } from './session-ports.ts';

const test = suite('a cluster that does not enforce policies');
const it = test.skipIf(ownClusterSkip);
const name = sessionName(`enforced-${process.pid}`);
const script = fileURLToPath(new URL('../../scripts/cluster.mjs', import.meta.url));
const cluster = (...args: string[]) => execFileSync(process.execPath, [script, ...args], { stdio: 'pipe' });
let sessions: FilteredSessions;

test.before(async () => {
  if (ownClusterSkip !== undefined) return;
  const options = {
    env: clusterEnv('certificate'),
    interactive: false,
    transport: 'auto',
    everywhere: false,
  } as const;
  const images = { session: clusterImage, proxy: clusterProxyImage };
  sessions = new FilteredSessions(await openKubernetes({ ...options, ...clusterPlace('plain') }), images);
});
test.after(async () => {
  if (ownClusterSkip === undefined) await sessions.backend.remove(name, never);
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

it('by its command line: what was accepted at a start holds for a plain connect, and not for the next start', async () => {
  const world = new ClusterRepository();
  const session = world.session('accepted');
  const stateAndNetwork = async () => {
    const { stdout } = await world.paude('list');
    const row = stdout.split('\n').map((line) => line.split('\t'));
    const [, state, , , , , network] = row.find(([own]) => own === session) ?? [];
    return [state, network];
  };
  try {
    assert.is((await world.paude('create', session)).code, 0);
    cluster('stop', 'netpol');
    try {
      const started = await world.paude('start', session, '--detach', '--accept-unenforced');
      assert.is(started.code, 0, started.stderr);
      assert.match(started.stderr, 'you accepted that');
      assert.equal(await stateAndNetwork(), ['running', 'unenforced']);
      const terminal = new PersonTerminal(world, `git paude connect ${session}`);
      try {
        await until(terminal.screen, (text) => text.includes(`[${session}]`));
        terminal.detach();
        assert.match(await until(terminal.screen, (text) => /ended with \d/.test(text)), 'ended with 0');
      } finally {
        terminal.end();
      }
      assert.equal(await stateAndNetwork(), ['running', 'unenforced']);
      assert.is((await world.paude('stop', session)).code, 0);
      const plain = await world.paude('start', session, '--detach');
      assert.is(plain.code, 1, plain.stderr);
      assert.match(plain.stderr, 'this cluster does not enforce NetworkPolicy');
      assert.is((await stateAndNetwork())[0], 'stopped');
    } finally {
      cluster('start', 'netpol');
    }
    const enforced = await world.paude('start', session, '--detach');
    assert.is(enforced.code, 0, enforced.stderr);
    assert.equal(await stateAndNetwork(), ['running', 'filtered']);
  } finally {
    await world.end();
  }
});

test.run();
