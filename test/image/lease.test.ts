import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { suite } from '../harness/suite.ts';
import { sessionFolder, type SessionFolder } from './session-folder.ts';
import { until } from '../remote/git-world.ts';

const test = suite('lease');
let session: SessionFolder;
test.before.each(() => void (session = sessionFolder()));
test.after.each(() => session.remove());

const lives = (pid: number) =>
  existsSync(`/proc/${pid}`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

/** A command under a lease, which writes its own process id and that of a child of it; then both sleep. */
async function running(
  id: string,
  script: string,
): Promise<{ pids: number[]; code: Promise<number | null> }> {
  const file = join(session.root, `pids-${id}`);
  const child = session.start([
    'run',
    id,
    '--',
    'bash',
    '-c',
    `${script}; sleep 300 & echo $$ $! >"$0"; wait`,
    file,
  ]);
  const code = once(child, 'close').then(([number]) => number as number | null);
  await until('the command runs', () => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'));
  return { pids: readFileSync(file, 'utf8').trim().split(' ').map(Number), code };
}

test('the end of its input ends the whole group of processes', async () => {
  const { pids, code } = await running('a', ':');
  const lease = session.start(['lease', 'a']);
  lease.stdin.write('....');
  assert.equal(pids.map(lives), [true, true]);
  const leaseEnds = once(lease, 'close');
  lease.stdin.end();
  assert.is(await code, 143);
  await until('all of it is gone', () => !pids.some(lives));
  assert.is((await leaseEnds)[0], 0);
});

test('a command that is heard of only when its lease has ended leaves nothing', async () => {
  const { pids, code } = await running('g', ':');
  const [command] = pids;
  const runner = Number(/^\d+ \(.*\) \S (\d+)/.exec(readFileSync(`/proc/${command}/stat`, 'utf8'))![1]);
  process.kill(runner, 'SIGSTOP');
  const lease = session.start(['lease', 'g']);
  lease.stdin.end();
  assert.is((await once(lease, 'close'))[0], 0);
  process.kill(runner, 'SIGCONT');
  assert.is(await code, 143);
  assert.equal(readdirSync(join(session.run, 'leases')), []);
});

test('what does not heed TERM is killed', async () => {
  const { pids, code } = await running('b', "trap '' TERM");
  session.start(['lease', 'b']).stdin.end();
  assert.is(await code, 137);
  await until('all of it is gone', () => !pids.some(lives));
});

test('so does silence, but not while bytes come', async () => {
  const { pids, code } = await running('c', ':');
  session.env['PAUDE_SILENCE'] = '1';
  const lease = session.start(['lease', 'c']);
  for (let beat = 0; beat < 8; beat++) {
    lease.stdin.write('.');
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  assert.ok(pids.every(lives), 'two seconds of heartbeats keep it');
  assert.is(await code, 143);
});

test('a lease that is given back ends nothing', async () => {
  const { pids } = await running('d', ':');
  const lease = session.start(['lease', 'd']);
  lease.stdin.end('..x');
  assert.is((await once(lease, 'close'))[0], 0);
  assert.ok(pids.every(lives));
  session.start(['lease', 'd']).stdin.end();
  await until('all of it is gone', () => !pids.some(lives));
});

test('a command that comes after the end of its lease does not begin', async () => {
  assert.is(session.session(['lease', 'e']).code, 0);
  const mark = join(session.root, 'mark');
  assert.is.not(session.session(['run', 'e', '--', 'touch', mark]).code, 0);
  assert.not.ok(existsSync(mark));
  assert.equal(readdirSync(join(session.run, 'leases')), []);
});

test('of a terminal that was detached nothing is left', () => {
  const leases = join(session.run, 'leases');
  mkdirSync(leases, { recursive: true });
  writeFileSync(join(leases, 'k'), 'client 4194304\n');
  assert.is(session.session(['lease', 'k'], Buffer.from('.x')).code, 0);
  assert.equal(readdirSync(leases), []);
});

test('a command that is over says so last on both streams, and waits for its lease to be given back', async () => {
  const unread = Buffer.alloc(1024 * 1024);
  const command = session.start(['run', 'l', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7']);
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    command[stream].setEncoding('utf8').on('data', (text: string) => (said[stream] += text));
  const code = once(command, 'close');
  // More than a pipe holds: what is left of the input has to be taken in the end.
  command.stdin.end(unread);
  const over = '\x1el paude over\n';
  const whole = { stdout: `out\n${over}`, stderr: `err\n${over}` };
  await until('it is over', () => said.stdout === whole.stdout && said.stderr === whole.stderr);
  // Neither a lease that still holds nor the end of another command is what it waits for.
  const lease = session.start(['lease', 'l']);
  lease.stdin.write('.');
  assert.is((await session.exec('other', ['true'])).code, 0);
  assert.is(command.exitCode, null);
  const leaseEnds = once(lease, 'close');
  lease.stdin.end('x');
  assert.is((await code)[0], 7);
  assert.equal(said, whole);
  await leaseEnds;
  assert.equal(readdirSync(join(session.run, 'leases')), []);
});

test('one that is over ends with its lease, too', async () => {
  const command = session.start(['run', 'm', '--', 'true']);
  const code = once(command, 'close');
  command.stdout.resume();
  command.stderr.resume();
  const mark = join(session.run, 'leases/m');
  await until('it is over', () => existsSync(mark) && readFileSync(mark, 'utf8') === 'over -\n');
  assert.is(session.session(['lease', 'm']).code, 0);
  assert.is((await code)[0], 0);
  assert.equal(readdirSync(join(session.run, 'leases')), []);
});

test('one that nobody reads any more waits for nobody', async () => {
  const command = session.start(['run', 'n', '--', 'sh', '-c', 'read line; exit 3']);
  const closed = once(command, 'exit');
  command.stdout.destroy();
  command.stderr.destroy();
  command.stdin.end('now\n');
  assert.is((await closed)[0], 3);
  assert.is(session.session(['lease', 'n']).code, 0);
  assert.equal(readdirSync(join(session.run, 'leases')), []);
});

test('one whose words nobody takes ends with its lease', async () => {
  const file = join(session.root, 'code');
  // What should read them does nothing any more, as a container's runtime when a connection has broken.
  const script = '{ paude-session run q -- yes; echo $? >"$0"; } | exec sleep 300';
  const { env, root: cwd } = session;
  const reader = spawn('sh', ['-c', script, file], { env, cwd, detached: true });
  await until('it runs', () => existsSync(join(session.run, 'leases/q')));
  assert.is(session.session(['lease', 'q']).code, 0);
  await until('it has ended', () => existsSync(file) && readFileSync(file, 'utf8') !== '').finally(() =>
    process.kill(-reader.pid!, 'SIGKILL'),
  );
  assert.is(readFileSync(file, 'utf8'), '143\n');
  assert.equal(readdirSync(join(session.run, 'leases')), []);
});

test('a command that crashes writes no memory to a disk', async () => {
  const limits = await session.exec('a', ['sh', '-c', 'ulimit -Sc; ulimit -Hc']);
  assert.is(limits.stdout, '0\n0\n');
});

test('streams, arguments and exit codes are the command’s own', async () => {
  const bytes = Buffer.from([0, 255, 10, 13, 128]);
  const { stdout } = await session.exec('f', ['od', '-An', '-tx1'], bytes);
  assert.is(stdout, ' 00 ff 0a 0d 80\n');
  assert.is((await session.exec('g', ['printf', '%s|', 'a b', '$HOME', '', '--'])).stdout, 'a b|$HOME||--|');
  assert.is((await session.exec('h', ['sh', '-c', 'exit 7'])).code, 7);
  assert.is((await session.exec('i', ['sh', '-c', 'kill -9 $$'])).code, 137);
  assert.is((await session.exec('j', ['there-is-none'])).code, 127);
});

test('an id is no path', () => {
  writeFileSync(join(session.run, 'mine'), 'mine');
  for (const id of ['../mine', '', 'a b', '/tmp/x']) {
    assert.is(session.session(['lease', id]).code, 1, id);
    assert.is(session.session(['run', id, '--', 'true']).code, 1, id);
  }
  assert.is(readFileSync(join(session.run, 'mine'), 'utf8'), 'mine');
});

test.run();
