import { spawn } from 'node:child_process';
import * as assert from 'uvu/assert';
import { clusterSkip } from '../../harness/cluster-world.ts';
import { ClusterRepository, until } from '../../harness/cluster-repository.ts';
import { suite } from '../../harness/suite.ts';
import { kubectl } from '../../journeys/cluster-admin.ts';

const test = suite('a start that is not ended (cluster)');
const it = test.skipIf(clusterSkip);
let world: ClusterRepository;

test.before(() => {
  if (clusterSkip === undefined) world = new ClusterRepository();
});
test.after(async () => {
  if (clusterSkip === undefined) await world.end();
});

const sets = (name: string) => [`paude-${name}`, `proxy-paude-${name}`];
const replicas = (name: string) =>
  kubectl([
    ...['get', 'sts', ...sets(name), '-n', world.namespace],
    ...['-o', 'jsonpath={.items[*].spec.replicas}'],
  ]);

/** A start whose pod waits for a node that will never come, interrupted as by Ctrl-C as soon as it says so. */
async function interruptedStart(
  name: string,
): Promise<{ readonly code: number | null; readonly said: string }> {
  const args = ['paude', 'start', '--detach', name];
  const child = spawn('git', args, { cwd: world.repository, env: world.env, detached: true });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  await until(
    () => said,
    (text) => /waiting for a node: /.test(text),
  );
  process.kill(-child.pid!, 'SIGINT');
  return { code: await ended, said };
}

it('interrupted while it waits, it leaves nothing that would begin by itself some day', async () => {
  const name = world.session('interrupted');
  const created = await world.paude('create', name, '--cpus-request=1000');
  assert.is(created.code, 0, created.stderr);
  const { code, said } = await interruptedStart(name);
  assert.is.not(code, 0, said);
  assert.match(said, /interrupted/);
  assert.is(replicas(name), '0 0');
});

it('a container that ends by itself ends the start with its last words, and is not tried for ever', async () => {
  const name = world.session('crashing');
  assert.is((await world.paude('create', name)).code, 0);
  const broken = { name: 'session', command: ['sh', '-c', 'echo "no such volume: /pvc" >&2; exit 3'] };
  const patch = JSON.stringify({ spec: { template: { spec: { containers: [broken] } } } });
  kubectl(['patch', 'sts', `paude-${name}`, '-n', world.namespace, '-p', patch]);
  const { code, stderr } = await world.paude('start', '--detach', name);
  assert.is(code, 1);
  assert.match(stderr, /can't start: it ends by itself/);
  assert.match(stderr, /^no such volume: \/pvc$/m);
  assert.match(stderr, /it is stopped again/);
  assert.match(stderr, /^hint: .*kubectl describe pod paude-\S+-0 -n \S+ --context/m);
  assert.is(replicas(name), '0 0');
});

it('what was to run before is not stopped by a second start that fails', async () => {
  const name = world.session('elsewhere');
  assert.is((await world.paude('create', name, '--cpus-request=1000')).code, 0);
  kubectl(['scale', 'sts', ...sets(name), '-n', world.namespace, '--replicas=1']);
  const { code, stderr } = await world.paude('start', '--detach', name);
  assert.is(code, 1);
  assert.match(stderr, /no node takes its pod/);
  assert.not.match(stderr, /stopped again/);
  assert.is(replicas(name), '1 1');
});

test.run();
