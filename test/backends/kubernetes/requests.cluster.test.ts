import * as assert from 'uvu/assert';
import { ownClusterSkip, ownNamespace } from '../../harness/cluster-parts.ts';
import { ClusterRepository, until, type Outcome } from '../../harness/cluster-repository.ts';
import { countRequests, type Requests } from '../../harness/count-requests.ts';
import { makeSessionObjects } from '../../harness/session-objects.ts';
import { suite } from '../../harness/suite.ts';
import { PersonTerminal } from '../../journeys/person-terminal.ts';

const test = suite('requests to the API server');
const it = test.skipIf(ownClusterSkip);
let world: ClusterRepository;
let name: string;

test.before(() => {
  if (ownClusterSkip !== undefined) return;
  world = new ClusterRepository();
  name = world.session('count');
});
test.after(async () => {
  if (ownClusterSkip === undefined) await world.end();
});

/**
 * A command, and how many requests it may cost. On a slow machine each exec that takes longer than 2 s adds the watch
 * of its pod. How many come one after the other is speed, and for test/bench.
 */
async function costs(most: number, ...args: string[]): Promise<Requests> {
  return hold(most, args.join(' '), (env) => world.start('git', args, env).ended);
}

async function hold(
  most: number,
  what: string,
  work: (env: NodeJS.ProcessEnv) => Promise<Outcome>,
): Promise<Requests> {
  const counted = await countRequests(world, work);
  const { all, outcome } = counted;
  assert.is(outcome.code, 0, outcome.stderr);
  const seen = `${what}: ${all.length} in all:\n${all.join('\n')}`;
  assert.ok(all.length > 0 && all.length <= most, seen);
  return counted;
}

it('create, and delete of what never ran', async () => {
  // One of them is for the platforms of the nodes, where the ready images can be seen from here.
  await costs(10, 'paude', 'create', name);
  await costs(33, 'paude', 'delete', name, '--confirm');
});

it('a push that must start, and a push and a fetch with nothing to do', async () => {
  assert.is((await world.paude('create', name)).code, 0);
  // Each news of the proxy's pod before the session's own is there costs one more: whether it is still to come.
  await costs(39, 'push', '-q', `paude-${name}`, 'main');
  await costs(1, 'push', `paude-${name}`, 'main');
  await costs(1, 'fetch', '-q', `paude-${name}`);
});

it('connect to a session that runs', async () => {
  await hold(27, 'connect', async (env) => {
    const terminal = new PersonTerminal(world, `git paude connect ${name}`, env as Record<string, string>);
    try {
      await until(terminal.screen, (text) => text.includes(`[${name}]`));
      terminal.detach();
      const stdout = await until(terminal.screen, (text) => /ended with \d/.test(text));
      return { code: Number(/ended with (\d+)/.exec(stdout)?.[1]), stdout, stderr: stdout };
    } finally {
      terminal.end();
    }
  });
});

it('stop, and delete of what was stopped, which is started to be looked at', async () => {
  await costs(7, 'paude', 'stop', name);
  await costs(59, 'paude', 'delete', name, '--confirm');
});

it('list is one request, with 500 sessions, too', async () => {
  const namespace = `paude-many-${process.pid}`;
  await using _ = await ownNamespace(namespace);
  const own = new ClusterRepository(undefined, namespace);
  await makeSessionObjects(namespace, 500);
  const { all, outcome } = await countRequests(own, (env) => own.start('git', ['paude', 'list'], env).ended);
  assert.equal(all, [`list /apis/apps/v1/namespaces/${namespace}/statefulsets`]);
  assert.is(outcome.stdout.match(/^many-/gm)?.length, 500);
  // A place that was used before is not asked beside the same place of the settings.
  assert.is((await own.paude('create', 'one-more')).code, 0);
  const again = await countRequests(own, (env) => own.start('git', ['paude', 'list'], env).ended);
  assert.is(again.all.length, 1);
});

test.run();
