import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { suite } from '../harness/suite.ts';
import { gitWorld, until, type GitWorld } from './git-world.ts';

const test = suite('interruption');
const url = 'paude://podman/session';
let world: GitWorld;

test.before.each(async () => {
  world = await gitWorld();
  await world.repository('work');
  await world.must('work', ['push', '-q', url, 'main']);
  await writeFile(join(world.folder, 'work', 'big'), randomBytes(100 * 2 ** 20));
  await world.must('work', ['-c', 'core.compression=0', 'add', '.']);
  await world.must('work', ['commit', '-qm', 'big']);
});
test.after.each(() => world.remove());

const serving = (process: { command: string }) =>
  /(receive|upload|index|unpack|pack)-(pack|objects)/.test(process.command);
const ours = (process: { command: string }) => serving(process) || process.command.includes('helper.mjs');

/** Waits until the far side is receiving or sending. */
async function underWay(pattern: RegExp, which = -1): Promise<number> {
  let found: number | undefined;
  await until(`${pattern} runs`, async () => {
    const processes = (await world.processes()).filter(({ command }) => pattern.test(command));
    found = processes.at(which)?.pid;
    return found !== undefined;
  });
  return found!;
}

async function ended(child: ChildProcess): Promise<{ code: number | null; stderr: string }> {
  let stderr = '';
  child.stderr!.on('data', (text) => (stderr += String(text)));
  child.stdout!.resume();
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stderr };
}

const allGone = () => until('nothing is left', async () => !(await world.processes()).some(ours));

/** The session's repository has all its objects, and main is where it was or where it should be. */
async function intact(): Promise<void> {
  const workspace = join(world.sessions, 'session');
  assert.ok(workspace);
  await world.must('.', ['clone', '-q', url, 'check']);
  await world.must('check', ['fsck', '--full', '--strict']);
}

/** git alone is killed, so that nobody tells the helper but its closed pipes. */
for (const signal of ['SIGKILL', 'SIGINT', 'SIGTERM'] as const) {
  test(`git ended by ${signal} alone in mid-push leaves nothing, and an intact repository`, async () => {
    const push = world.start('work', ['push', url, 'main']);
    const end = ended(push);
    await underWay(/index-pack/);
    push.kill(signal);
    await end;
    await allGone();
    await intact();
  });
}

test('the helper interrupted in mid-push ends both sides', async () => {
  const end = ended(world.start('work', ['push', url, 'main']));
  await underWay(/index-pack/);
  process.kill(await underWay(/helper\.mjs/), 'SIGINT');
  assert.is.not((await end).code, 0);
  await allGone();
  await intact();
});

test('the far side killed in mid-push fails the push, and what was there is intact', async () => {
  const end = ended(world.start('work', ['push', url, 'main']));
  await underWay(/index-pack/);
  process.kill(await underWay(/receive-pack/), 'SIGKILL');
  const { code, stderr } = await end;
  assert.is.not(code, 0);
  assert.not.match(stderr, /\n +at /);
  await allGone();
  await intact();
});

test('the far side killed in mid-fetch fails the fetch', async () => {
  await world.must('work', ['push', '-q', url, 'main']);
  const end = ended(world.start('.', ['clone', url, 'cut']));
  // The first one: its child is called the same until it has become pack-objects, whose end git itself tells of.
  process.kill(await underWay(/git\0.*upload-pack/, 0), 'SIGSTOP');
  process.kill(await underWay(/git\0.*upload-pack/, 0), 'SIGKILL');
  const { code, stderr } = await end;
  assert.is.not(code, 0);
  assert.match(stderr, /paude: git-upload-pack in the session session ended with 137/);
  await allGone();
});

test('git killed in mid-clone leaves nothing', async () => {
  await world.must('work', ['push', '-q', url, 'main']);
  const clone = world.start('.', ['clone', url, 'cut']);
  const end = ended(clone);
  await underWay(/git\0.*upload-pack/);
  clone.kill('SIGKILL');
  await end;
  await allGone();
});

test('a helper whose stdout closes ends with 0 and no complaint', async () => {
  const helper = spawn('git-remote-paude', [url, url], { env: world.env, stdio: ['pipe', 'pipe', 'pipe'] });
  helper.stdin.write('capabilities\n');
  await once(helper.stdout, 'data');
  helper.stdout.destroy();
  helper.stdin.write('connect git-upload-pack\n');
  helper.stdin.end('0000');
  let stderr = '';
  helper.stderr.on('data', (text) => (stderr += String(text)));
  const [code] = (await once(helper, 'close')) as [number];
  assert.is(code, 0, stderr);
  assert.is(stderr, '');
});

test.run();
