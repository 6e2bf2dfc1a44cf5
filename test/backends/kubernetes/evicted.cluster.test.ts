import * as assert from 'uvu/assert';
import { asAdmin, ownClusterSkip, evict } from '../../harness/cluster-parts.ts';
import { ClusterRepository, until, type Running } from '../../harness/cluster-repository.ts';
import { suite } from '../../harness/suite.ts';

const test = suite('a pod that its cluster takes away');
const it = test.skipIf(ownClusterSkip);
let world: ClusterRepository;
let name: string;

test.before(async () => {
  if (ownClusterSkip !== undefined) return;
  world = new ClusterRepository();
  name = world.session('away');
  const { code, stderr } = await world.git('push', '-q', world.url(name), 'main');
  assert.is(code, 0, stderr);
});
test.after(async () => {
  if (ownClusterSkip === undefined) await world.end();
});

const pod = () => `paude-${name}-0`;
const uid = () => asAdmin('get', 'pod', pod(), '-n', world.namespace, '-o', 'jsonpath={.metadata.uid}');

it('evicted: the next push waits for the new one, says so, and lands', async () => {
  const [before, head] = [await uid(), world.commit('evicted', 'x')];
  await asAdmin('cordon', 'node1');
  let push: Running;
  try {
    await evict(pod(), world.namespace);
    // While it ends, what comes in still lands.
    await until(
      () => uid().catch(() => before),
      (now) => now !== before,
    );
    push = world.start('git', ['push', '--progress', world.url(name), 'main']);
    await until(push.said, (text) => /waiting for a node/.test(text));
  } finally {
    await asAdmin('uncordon', 'node1');
  }
  const { code, stderr } = await push.ended;
  assert.is(code, 0, stderr);
  assert.match((await world.git('ls-remote', world.url(name), 'main')).stdout, head);
});

it('in the middle of a command: that is said, and not just that it was killed', async () => {
  const command = world.start('git', ['paude', 'exec', name, '--', 'sh', '-c', 'echo begun >&2; sleep 300']);
  await until(command.said, (text) => text.includes('begun'));
  await evict(pod(), world.namespace);
  const { code, stderr } = await command.ended;
  assert.is(code, 1, stderr);
  assert.match(stderr, `the session ${name} ended while a command ran in it`);
  assert.match(stderr, `hint: git paude start ${name}`);
  assert.is((await world.paude('start', '--detach', name)).code, 0);
  // What was killed by itself is the command's own affair.
  assert.is((await world.inside(name, 'sh', '-c', 'kill -9 $$')).code, 137);
});

it('on a drained node: it is said that no node takes it, and it starts when one does', async () => {
  await asAdmin('cordon', 'node1');
  try {
    await evict(pod(), world.namespace);
    const { code, stderr } = await world.paude('start', '--detach', name);
    assert.is(code, 1);
    assert.match(stderr, /no node takes its pod: .*unschedulable/);
    assert.match(stderr, new RegExp(`kubectl describe pod ${pod()} -n ${world.namespace} --context=plain`));
  } finally {
    await asAdmin('uncordon', 'node1');
  }
  await asAdmin(
    'wait',
    '--for=condition=PodScheduled',
    `pod/${pod()}`,
    '-n',
    world.namespace,
    '--timeout=60s',
  );
  const { code, stderr } = await world.paude('start', '--detach', name);
  assert.is(code, 0, stderr);
});

it('stop ends when the pod is gone, and a start right after it is never content with the old one', async () => {
  const before = await uid();
  assert.is((await world.paude('stop', name)).code, 0);
  assert.is(await uid().catch(() => 'gone'), 'gone');
  const scaled = ['scale', 'statefulset', `paude-${name}`, '-n', world.namespace];
  assert.is((await world.paude('start', '--detach', name)).code, 0);
  const second = await uid();
  assert.is.not(second, before);
  // As when a stop is still going on elsewhere.
  await asAdmin(...scaled, '--replicas=0');
  const { code, stderr } = await world.paude('start', '--detach', name);
  assert.is(code, 0, stderr);
  assert.is.not(await uid(), second);
  assert.is((await world.inside(name, 'true')).code, 0);
});

it('a stop and a start at once both end, and what they say is so', async () => {
  const [stopped, started] = await Promise.all([
    world.paude('stop', name),
    world.paude('start', '--detach', name),
  ]);
  assert.is(stopped.code, 0, stopped.stderr);
  if (started.code !== 0) assert.match(started.stderr, /was stopped while it was started/, started.stderr);
  assert.is((await world.paude('start', '--detach', name)).code, 0);
});

test.run();
