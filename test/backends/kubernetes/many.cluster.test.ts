import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { asAdmin, onNode, ownClusterSkip, ownNamespace } from '../../harness/cluster-parts.ts';
import { ClusterRepository, until } from '../../harness/cluster-repository.ts';
import { testCluster } from '../../harness/cluster-world.ts';
import { suite } from '../../harness/suite.ts';

const test = suite('many at once');
const it = test.skipIf(ownClusterSkip);
const namespace = `paude-load-${process.pid}`;
let space: AsyncDisposable;
let world: ClusterRepository;

test.before(async () => {
  if (ownClusterSkip !== undefined) return;
  space = await ownNamespace(namespace);
  world = new ClusterRepository(undefined, namespace);
});
test.after(async () => {
  if (ownClusterSkip !== undefined) return;
  await world.end();
  await space[Symbol.asyncDispose]();
});

const kinds = 'statefulsets,pods,persistentvolumeclaims,services,configmaps,secrets,networkpolicies';
/** Everything of ours in the namespace, as the API server has it. */
const labelled = () =>
  asAdmin('get', kinds, '-n', namespace, '-l', 'app.kubernetes.io/managed-by=git-paude', '-o', 'name');

it('two pushes at once that must create make one session, and both land', async () => {
  const name = world.session('both');
  const outcomes = await Promise.all([
    world.git('push', world.url(name), 'main'),
    world.git('push', world.url(name), 'main:other'),
  ]);
  for (const { code, stderr } of outcomes) assert.is(code, 0, stderr);
  const refs = (await world.git('ls-remote', '--heads', world.url(name))).stdout;
  assert.equal([...refs.matchAll(/refs\/heads\/(\w+)/g)].map(([, branch]) => branch).sort(), [
    'main',
    'other',
  ]);
  // Its proxy has one, too.
  const sets = (await labelled()).split('\n').filter((object) => object.startsWith('statefulset'));
  assert.is(sets.filter((object) => !object.includes('/proxy-')).length, 1);
  assert.is((await world.paude('delete', name, '--confirm')).code, 0);
});

for (const [what, quota] of [
  ['StatefulSets', 'count/statefulsets.apps=0'],
  ['volumes', 'persistentvolumeclaims=0'],
  ['storage', 'requests.storage=1Gi'],
] as const) {
  it(`a quota of ${what} refuses a create, which says so and leaves nothing`, async () => {
    await asAdmin('create', 'quota', 'tight', `--hard=${quota}`, '-n', namespace);
    // It holds once the controller has counted what there is.
    await until(
      () => asAdmin('get', 'quota', 'tight', '-n', namespace, '-o', 'jsonpath={.status.hard}'),
      (text) => text !== '',
    );
    try {
      const { code, stderr } = await world.paude('create', world.session('quota'));
      assert.is(code, 1);
      assert.match(stderr, /exceeded quota: tight/);
      assert.is(await labelled(), '');
      assert.is((await world.git('remote')).stdout, '');
    } finally {
      await asAdmin('delete', 'quota', 'tight', '-n', namespace);
    }
  });
}

/** What of sessions is on the node: volumes, pods' folders, mounts, containers, control groups. */
async function onNodeNow(): Promise<readonly string[]> {
  const { state } = testCluster;
  const folder = (path: string) => {
    try {
      return readdirSync(join(state, path)).map((entry) => `${path}/${entry}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  };
  const mounts = (await onNode('cat', '/proc/self/mounts'))
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '');
  const ctr = [`${state}/containerd.sock`, '-n', 'k8s.io', 'containers', 'ls', '-q'];
  const { folder: built } = JSON.parse(await onNode('cat', `${state}/cluster.json`)) as { folder: string };
  const containers = await onNode(join(built, 'debian/usr/bin/ctr'), '-a', ...ctr);
  const groups = await onNode('find', '/sys/fs/cgroup', '-type', 'd', '-path', '*/pd*/*', '-name', 'pod*');
  return [
    ...folder('pv'),
    ...folder('kubelet/pods'),
    ...mounts.filter(
      (path) => path.startsWith(`${state}/kubelet/pods`) || path.includes('/io.containerd.runtime'),
    ),
    ...containers.split('\n'),
    ...groups.split('\n'),
  ].filter((entry) => entry !== '');
}

it('30 sessions created and deleted, three of them started, leave nothing in the cluster or on the node', async () => {
  await until(labelled, (text) => text === '');
  const before = new Set(await onNodeNow());
  const waiting = Array.from({ length: 30 }, (_, number) => number);
  const work = async () => {
    for (let number = waiting.pop(); number !== undefined; number = waiting.pop()) {
      const name = world.session(`of-${number}`);
      const made = await world.paude('create', name);
      assert.is(made.code, 0, made.stderr);
      if (number % 10 === 0) {
        const started = await world.git('push', '-q', `paude-${name}`, 'main');
        assert.is(started.code, 0, started.stderr);
      }
    }
  };
  await Promise.all([work(), work(), work()]);
  const listed = (await world.paude('list')).stdout;
  assert.is(listed.match(/\t(created|running)\t/g)?.length, 30);
  const names = listed.split('\n').flatMap((line) => (line === '' ? [] : [line.split('\t')[0]!]));
  const remove = async () => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      const { code, stderr } = await world.paude('delete', name, '--confirm');
      assert.is(code, 0, stderr);
    }
  };
  await Promise.all([remove(), remove(), remove()]);
  assert.is(await labelled(), '');
  // The node buries what is gone from the API server a moment later.
  await until(
    async () => (await onNodeNow()).filter((entry) => !before.has(entry)),
    (left) => left.length === 0,
  );
});

test.run();
