import { spawnSync } from 'node:child_process';
import * as assert from 'uvu/assert';
import { asAdmin, ownClusterSkip, part, wellAgain } from '../../harness/cluster-parts.ts';
import { type ClusterRepository, until, type Running } from '../../harness/cluster-repository.ts';
import { testCluster } from '../../harness/cluster-world.ts';
import { proxiedSession, type ProxiedSession } from '../../harness/proxied-session.ts';
import { suite } from '../../harness/suite.ts';
import { PersonTerminal } from '../../journeys/person-terminal.ts';

const test = suite('parts of the cluster that go away');
const it = test.skipIf(ownClusterSkip);
/** On a line so slow that there is a middle. */
const rate = 3 * 2 ** 20;
const size = 24 * 2 ** 20;
let session: ProxiedSession;
let world: ClusterRepository;
let name: string;

test.before(async () => {
  if (ownClusterSkip !== undefined) return;
  session = await proxiedSession('parts', { rate });
  ({ world, name } = session);
});
test.after(async () => {
  if (ownClusterSkip !== undefined) return;
  await wellAgain();
  await session.end();
});

const push = () => world.start('git', ['push', '--progress', world.url(name), 'main'], session.line.env);
const middle = (running: Running) => until(running.said, (text) => /Writing objects: +[1-9]/.test(text));
const lost = /paude: the connection to the session \S+ was lost/;

it('a node that hangs for 20 s in mid-push costs nothing', async () => {
  const head = world.big(size);
  const running = push();
  await middle(running);
  try {
    for (const one of ['kubelet', 'containerd'] as const) await part('pause', one);
    await new Promise((resolve) => setTimeout(resolve, 20_000));
  } finally {
    for (const one of ['containerd', 'kubelet'] as const) await part('resume', one);
  }
  const { code, stderr } = await running.ended;
  assert.is(code, 0, stderr);
  await session.landed('main', head);
  await wellAgain();
  // What was not let go on would outlive the cluster, and hold up its end.
  const { stdout } = spawnSync('ps', ['-eo', 'stat,args'], { encoding: 'utf8' });
  assert.not.match(stdout, new RegExp(`^T.*${testCluster.state}/`, 'm'));
});

it('a node that does not come back: who waits for what its session says hears of it', async () => {
  const running = world.start('git', [
    'paude',
    'exec',
    name,
    '--',
    'sh',
    '-c',
    'echo begun >&2; exec sleep 600',
  ]);
  await until(running.said, (text) => text.includes('begun'));
  try {
    for (const one of ['kubelet', 'containerd'] as const) await part('pause', one);
    const { code, stderr } = await running.ended;
    assert.is.not(code, 0);
    assert.match(stderr, /was lost: its node does not answer/);
  } finally {
    for (const one of ['containerd', 'kubelet'] as const) await part('resume', one);
  }
  await wellAgain();
});

for (const one of ['kubelet', 'apiserver'] as const) {
  it(`the ${one} ended in mid-push: it is said, and once it is back the next push lands`, async () => {
    const head = world.big(size);
    const running = push();
    await middle(running);
    try {
      await part('stop', one);
      const { code, stderr } = await running.ended;
      assert.is.not(code, 0);
      assert.match(stderr, lost, `${code}: ${stderr.replace(/^.*\r/gm, '')}`);
    } finally {
      await part('start', one);
    }
    await wellAgain();
    const again = await world.git('push', world.url(name), 'main');
    assert.is(again.code, 0, again.stderr);
    await session.landed('main', head);
  });
}

it('the API server ended in mid-start: the start goes on when it is back', async () => {
  assert.is((await world.paude('stop', name)).code, 0);
  // Nothing is made of the pod meanwhile, so that the start is in its middle.
  await part('pause', 'kubelet');
  let start: Running;
  try {
    start = world.start('git', ['paude', 'start', '--detach', '--verbose', name]);
    await until(start.said, (text) => /mounting the volume/.test(text));
    await part('stop', 'apiserver');
    await part('start', 'apiserver');
  } finally {
    await part('resume', 'kubelet');
  }
  const { code, stderr } = await start.ended;
  assert.is(code, 0, stderr);
  assert.is((await world.inside(name, 'true')).code, 0);
});

it('a node that hangs in mid-start, and a connection that stalls then: the start ends when both go on', async () => {
  assert.is((await world.paude('stop', name)).code, 0);
  const pods = [`pod/paude-${name}-0`, `pod/proxy-paude-${name}-0`, '-n', world.namespace];
  let start: Running;
  let ended = false;
  for (const one of ['kubelet', 'containerd'] as const) await part('pause', one);
  try {
    start = world.start('git', ['paude', 'start', '--detach', '--verbose', name], session.line.env);
    void start.ended.then(() => (ended = true));
    await until(start.said, (text) => /mounting the volume/.test(text));
    session.line.proxy.stall();
  } finally {
    for (const one of ['containerd', 'kubelet'] as const) await part('resume', one);
  }
  try {
    // The news that it waits for was sent, and does not arrive.
    await asAdmin('wait', '--for=condition=Ready', ...pods, '--timeout=90s');
    assert.is(ended, false, start.said());
  } finally {
    session.line.proxy.mend();
  }
  const { code, stderr } = await start.ended;
  assert.is(code, 0, stderr);
  await wellAgain();
  assert.is((await world.inside(name, 'true')).code, 0);
});

it('a session that is removed while nobody makes its pod: the start ends, and says so', async () => {
  const gone = world.session('gone');
  assert.is((await world.git('push', '-q', world.url(gone), 'main')).code, 0);
  assert.is((await world.paude('stop', gone)).code, 0);
  await part('pause', 'controllers');
  let start: Running;
  try {
    start = world.start('git', ['paude', 'start', '--detach', '--verbose', gone]);
    await until(start.said, (text) => /waiting for the pod/.test(text));
    await asAdmin('delete', 'sts', `paude-${gone}`, '-n', world.namespace);
    const { code, stderr } = await start.ended;
    assert.is(code, 1);
    assert.match(stderr, `the session ${gone} was removed while it was started`);
  } finally {
    await part('resume', 'controllers');
  }
  assert.is((await world.paude('delete', gone, '--confirm')).code, 0);
});

it('the API server ended while a terminal is attached: it is connected again, and tmux is as it was', async () => {
  const terminal = new PersonTerminal(world, `git paude connect ${name}`);
  const { screen } = terminal;
  try {
    await until(screen, (text) => text.includes(`[${name}]`));
    terminal.keys('C-b', 'c');
    await until(screen, (text) => /^\S*[$#] $/m.test(`${text} `) || /[$#]\s*$/m.test(text));
    terminal.type('echo as-it-$((40+2))');
    await until(screen, (text) => text.includes('as-it-42'));
    await part('stop', 'apiserver');
    await until(screen, (text) => /connecting again/.test(text));
    await part('start', 'apiserver');
    await until(screen, (text) => text.includes('as-it-42') && !/connecting again/.test(text));
    terminal.detach();
    await until(screen, (text) => /ended with 0/.test(text));
  } finally {
    terminal.end();
    if ((await asAdmin('get', '--raw', '/readyz').catch(() => '')) !== 'ok') await part('start', 'apiserver');
  }
});

test.run();
