import { once } from 'node:events';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { claude } from '../../lib/agents/claude.ts';
import { suite } from '../harness/suite.ts';
import { until } from '../remote/git-world.ts';
import { sessionFolder, type SessionFolder } from './session-folder.ts';

const test = suite('entrypoint');
let session: SessionFolder;
let home: string;
test.before.each(() => {
  session = sessionFolder({ data: claude, program: '#!/bin/sh\n' });
  home = session.env['HOME']!;
});
test.after.each(() => session.remove());

/** Starts it, waits until the session is ready, and ends it as a container's stop does; gives its exit code. */
async function through(): Promise<number | null> {
  await rm(join(session.run, 'ready'), { force: true });
  const child = spawn(join(session.env['PAUDE_FILES']!, 'entrypoint'), { env: session.env, detached: true });
  const ended = once(child, 'close') as Promise<[number | null]>;
  await until('the session is ready', () => existsSync(join(session.run, 'ready')));
  process.kill(-child.pid!, 'SIGTERM');
  return (await ended)[0];
}

test('a stop ends it with 0', async () => assert.is(await through(), 0));

test('a container that starts again is not ready before it is, whatever its memory still says', async () => {
  writeFileSync(join(session.run, 'ready'), '');
  // It waits for the other end of this pipe.
  const lasting = join(session.env['PAUDE_FILES']!, 'lasting');
  const content = readFileSync(lasting);
  await rm(lasting);
  spawnSync('mkfifo', [lasting]);
  const child = spawn(join(session.env['PAUDE_FILES']!, 'entrypoint'), { env: session.env, detached: true });
  const ended = once(child, 'close');
  try {
    await until('it is not ready any more', () => !existsSync(join(session.run, 'ready')));
  } finally {
    process.kill(-child.pid!, 'SIGKILL');
    await ended;
  }
  await rm(lasting);
  writeFileSync(lasting, content);
  assert.is(await through(), 0);
});

test('folders that must last are links to the volume; files are the agent’s, in memory', async () => {
  await through();
  const lasting = join(session.env['PAUDE_VOLUME']!, 'home', '.claude/projects');
  assert.is(readlinkSync(join(home, '.claude/projects')), lasting);
  writeFileSync(join(home, '.claude/projects/x'), 'kept');
  assert.ok(lstatSync(join(home, '.claude.json')).isFile());
  assert.equal(JSON.parse(readFileSync(join(home, '.claude.json'), 'utf8')), claude.files['.claude.json']);
  await rm(home, { recursive: true });
  mkdirSync(home);
  await through();
  assert.is(readFileSync(join(home, '.claude/projects/x'), 'utf8'), 'kept');
});

test('it sweeps what a killed session left, and the repository is whole', async () => {
  session.git(session.root, 'init', '-q', '-b', 'main', session.source);
  session.commit('a', '1');
  assert.is(session.push('main').code, 0);
  const git = join(session.workspace, '.git');
  mkdirSync(join(git, 'objects', 'tmp_objdir-incoming-x'));
  for (const lock of ['index.lock', 'HEAD.lock', 'refs/heads/main.lock']) writeFileSync(join(git, lock), '');
  session.commit('b', '1');
  assert.is(session.push('main').code, 1);
  await through();
  assert.not.ok(existsSync(join(git, 'objects', 'tmp_objdir-incoming-x')));
  assert.is(session.push('main').code, 0);
  assert.is(spawnSync('git', ['fsck', '--strict'], { cwd: session.workspace }).status, 0);
});

test.run();
