import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { connect, type ApiConnection } from '../../../lib/backends/kubernetes/api-connection.ts';
import { execTunnel, type ExecTunnel } from '../../../lib/backends/kubernetes/exec/exec-tunnel.ts';
import { isPaudeError } from '../../../lib/errors.ts';
import { sessionName } from '../../../lib/names.ts';
import { ownClusterSkip } from '../../harness/cluster-parts.ts';
import { until, type ClusterRepository, type Outcome } from '../../harness/cluster-repository.ts';
import { lineTo, proxiedSession, type Line, type ProxiedSession } from '../../harness/proxied-session.ts';
import { suite } from '../../harness/suite.ts';
import type { TcpProxy, Way } from '../../harness/tcp-proxy.ts';
import { begin } from '../../journeys/interruptible.ts';

const test = suite('a connection that is cut');
const it = test.skipIf(ownClusterSkip);
const size = 4 * 2 ** 20;
let session: ProxiedSession;
let world: ClusterRepository;
let name: string;
/** A command that waits, on a line that is cut where nothing passes for 15 s. */
let balanced: Line;
let waiting: Promise<Outcome>;
/** A start, on a line whose connections say nothing more once it has begun to wait for its pod. */
let frozen: Line;
let starting: Promise<Outcome>;
/** Programs on a line that says nothing more, and how they ended, the first one first. */
let stalled: Promise<readonly Ended[]>;

interface Ended extends Outcome {
  readonly what: string;
}

test.before(async () => {
  if (ownClusterSkip !== undefined) return;
  session = await proxiedSession('cut');
  ({ world, name } = session);
  balanced = await lineTo(world, { idle: 15_000 });
  const args = ['paude', 'exec', name, '--', 'sh', '-c', 'sleep 18; echo whole'];
  waiting = world.start('git', args, balanced.env).ended;
  frozen = await lineTo(world);
  starting = frozenStart();
  stalled = stalledPrograms();
  stalled.catch(() => undefined);
});
test.after(async () => {
  if (ownClusterSkip !== undefined) return;
  await Promise.all([balanced[Symbol.asyncDispose](), frozen[Symbol.asyncDispose]()]);
  await session.end();
});

async function frozenStart(): Promise<Outcome> {
  const other = world.session('frozen');
  const created = await world.paude('create', other);
  if (created.code !== 0) return created;
  const start = world.start('git', ['paude', 'start', '--detach', other], frozen.env);
  // The second thing that it says is what a watch has told.
  await until(start.said, (text) => text.split(' …').length > 2);
  frozen.proxy.freeze();
  return start.ended;
}

/** An exec that is interrupted, one that is not, and a push; beside them, what finds the line dead, and asks why in vain. */
async function stalledPrograms(): Promise<readonly Ended[]> {
  execFileSync('git', ['checkout', '-q', '--detach', 'main'], { cwd: world.repository, env: world.env });
  const head = world.big(60 * 2 ** 20);
  execFileSync('git', ['checkout', '-q', 'main'], { cwd: world.repository, env: world.env });
  await using line = await lineTo(world, { rate: 4 * 2 ** 20 });
  const { env, proxy } = line;
  const command = ['paude', 'exec', name, '--', 'sh', '-c', 'echo begun >&2; exec sleep 600'];
  const [impatient, patient] = [begin(world, 'git', command, env), begin(world, 'git', command, env)];
  for (const { said } of [impatient, patient]) await until(said, (text) => text.includes('begun'));
  const { connection, tunnel } = await echo(env.KUBECONFIG);
  const push = begin(
    world,
    'git',
    ['push', '--progress', world.url(name), `${head}:refs/heads/stalled`],
    env,
  );
  await until(push.said, (text) => /Writing objects: +[1-9]/.test(text));
  proxy.stall();
  impatient.interrupt();
  const order: Ended[] = [];
  const noted = async (what: string, work: Promise<Outcome>) => order.push({ what, ...(await work) });
  const found = tunnel.exit.then(() => 0).catch(() => 1);
  const asked = found.then(() =>
    connection
      .request('GET', '/version')
      .then(() => 0)
      .catch(() => 1),
  );
  const bare = async (work: Promise<number>) => ({ code: await work, stdout: '', stderr: '' });
  await Promise.all([
    noted('the exec that was interrupted', impatient.ended),
    noted('the exec', patient.ended),
    noted('the push', push.ended),
    noted('the stream', bare(found)),
    noted('a question', bare(asked)),
  ]);
  connection.close();
  return order;
}

/** From the first bytes, where TLS begins, to almost all. */
const offsets = (whole: number) => [
  200,
  2500,
  5000,
  9000,
  20_000,
  whole / 3,
  whole / 2,
  whole - 50_000,
  whole - 300,
];
const told = /paude: (the connection to the session \S+ was lost|the API server of plain can't be reached)/;

/** Bytes that pass while something is done that is not cut: the fewer of two, as a second question may be asked. */
async function measured(way: Way, work: (round: number) => Promise<Outcome>): Promise<number> {
  const { proxy } = session.line;
  const seen = [];
  for (const round of [1, 2]) {
    proxy.cutAfter(way, Infinity);
    const { code, stderr } = await work(round);
    assert.is(code, 0, stderr);
    seen.push(proxy.passed[way]);
  }
  return Math.min(...seen);
}

/** Each offset on a line of its own, some at once. */
async function eachCut(
  way: Way,
  whole: number,
  work: (line: Line, offset: number, cut: (done: Promise<Outcome>) => Promise<Outcome>) => Promise<void>,
): Promise<void> {
  const left = offsets(whole);
  const one = async (offset: number) => {
    await using line = await lineTo(world);
    const { proxy } = line;
    proxy.cutAfter(way, offset);
    await work(line, Math.round(offset), async (done) => {
      const outcome = await done;
      // The last bytes are of the end, when all has been said already.
      assert.ok(
        proxy.hasCut || offset > whole - 1000,
        `${offset} of ${whole} passed uncut: ${outcome.stderr}`,
      );
      proxy.mend();
      if (outcome.code !== 0) assert.match(outcome.stderr, told, outcome.stderr);
      return outcome;
    });
  };
  const some = async () => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) await one(next);
  };
  await Promise.all([some(), some(), some()]);
}

it('at many offsets of a push: it is said, the branch is as before or as pushed, and the next push lands', async () => {
  const push = ({ env }: Line, head: string, branch: string) =>
    world.start('git', ['push', world.url(name), `${head}:refs/heads/${branch}`], env).ended;
  /** Each a child of what is there, so that all are as large. */
  const newHead = () => {
    execFileSync('git', ['checkout', '-q', '--detach', 'main'], { cwd: world.repository, env: world.env });
    return world.big(size);
  };
  let head = '';
  const whole = await measured('up', (round) => push(session.line, (head = newHead()), `measure-${round}`));
  await session.landed('measure-2', head);
  await eachCut('up', whole, async (line, offset, cut) => {
    const branch = `cut-${offset}`;
    const head = newHead();
    const { code } = await cut(push(line, head, branch));
    const there = (await world.git('ls-remote', world.url(name), branch)).stdout.split('\t')[0];
    if (code === 0) assert.is(there, head);
    assert.ok(there === '' || there === head, there);
    const again = await push(line, head, branch);
    assert.is(again.code, 0, again.stderr);
  });
});

it('at many offsets of a fetch: it is said, and the next fetch brings all', async () => {
  const clone = ({ env }: Line, into: string) => {
    const args = [
      'clone',
      '-q',
      '--single-branch',
      '--branch=measure-2',
      world.url(name),
      join(world.root, into),
    ];
    return world.start('git', args, env).ended;
  };
  const whole = await measured('down', (round) => clone(session.line, `measured-${round}`));
  await eachCut('down', whole, async (line, offset, cut) => {
    await cut(clone(line, `cut-${offset}`));
    const again = await clone(line, `again-${offset}`);
    assert.is(again.code, 0, again.stderr);
    assert.is((await world.git('-C', join(world.root, `again-${offset}`), 'fsck')).code, 0);
  });
});

/** A command that answers all it reads, over a proxy, with pings as usual, or so often that their want is soon felt. */
async function echo(
  kubeconfig: string,
  pingInterval?: number,
): Promise<{ connection: ApiConnection; tunnel: ExecTunnel }> {
  const connection = await connect('plain', {
    env: { ...world.env, KUBECONFIG: kubeconfig },
    interactive: false,
  });
  const target = {
    session: sessionName(name),
    namespace: world.namespace,
    pod: `paude-${name}-0`,
    container: 'session',
    command: ['cat'],
  };
  const tunnel = await execTunnel(connection, target, {
    signal: new AbortController().signal,
    ...(pingInterval !== undefined && { pingInterval }),
  });
  tunnel.stdin.on('error', () => undefined).write('x');
  tunnel.stderr.resume();
  await once(tunnel.stdout, 'data');
  return { connection, tunnel };
}

for (const [how, work] of [
  ['stalled', (proxy: TcpProxy) => proxy.stall()],
  ['half closed towards us', (proxy: TcpProxy) => proxy.halfClose('client')],
  ['half closed towards the server', (proxy: TcpProxy) => proxy.halfClose('server')],
] as const) {
  it(`${how} is found, and said`, async () => {
    const { proxy, env } = session.line;
    const { connection, tunnel } = await echo(env.KUBECONFIG, 100);
    work(proxy);
    const end = await tunnel.exit.catch((error: unknown) => error);
    assert.ok(isPaudeError(end, 'CONNECTION_LOST'), String(end));
    connection.close();
    proxy.mend();
  });
}

it('stalled for new connections too, it is said before a question has been waited for in vain, and an interrupt waits for nothing', async () => {
  const [first, ...rest] = await stalled;
  const order = rest.map(({ what }) => what);
  assert.is(first!.what, 'the exec that was interrupted', order.join());
  assert.match(first!.stderr, 'interrupted');
  assert.is(order.at(-1), 'a question', order.join());
  for (const { what, code, stderr } of rest) {
    assert.is.not(code, 0, what);
    if (/exec|push/.test(what)) assert.match(stderr, /the connection to the session \S+ was lost/, what);
  }
});

it('stalled is found, and said, also where kubectl holds the stream, whose pings end nothing', async () => {
  await using line = await lineTo(session.world);
  const command = ['paude', 'exec', session.name, '--', 'sh', '-c', 'echo begun >&2; exec sleep 600'];
  const running = session.world.start('git', command, { ...line.env, PAUDE_TRANSPORT: 'kubectl' });
  await until(running.said, (text) => text.includes('begun'));
  line.proxy.stall();
  const { code, stderr } = await running.ended;
  assert.is.not(code, 0);
  assert.match(stderr, /the connection to the session \S+ was lost: \S+ has not answered for \d+ s/);
});

it('a start whose watch falls silent for ever asks anew, and ends well', async () => {
  const { code, stderr } = await starting;
  assert.is(code, 0, stderr);
});

it('a balancer that cuts what is idle for 15 s does not cut us', async () => {
  const { code, stdout, stderr } = await waiting;
  assert.equal([code, stdout], [0, 'whole\n'], stderr);
});

test.run();
