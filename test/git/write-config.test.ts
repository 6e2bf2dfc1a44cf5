import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { isPaudeError } from '../../lib/errors.ts';
import { gitIn, type RunGit } from '../../lib/git/run-git.ts';
import { writeConfig } from '../../lib/git/write-config.ts';
import { suite } from '../harness/suite.ts';

const test = suite('write configuration');
const args = ['config', '--local', 'paude.test', 'yes'];
let folder: string;
let lock: string;
/** git, and how often it was run. */
let git: RunGit;
let runs: number;

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'paude-config-'));
  execFileSync('git', ['init', '-q', folder]);
  lock = join(folder, '.git/config.lock');
  writeFileSync(lock, '');
  mkdirSync(join(folder, 'a folder'));
  const real = gitIn(join(folder, 'a folder'), process.env);
  runs = 0;
  git = (...call) => (runs++, real(...call));
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

test('waits for who writes at the moment', async () => {
  const freed: RunGit = async (...call) => {
    // Let go once it was found locked.
    if (runs === 2) rmSync(lock);
    return git(...call);
  };
  await writeConfig(freed, args);
  assert.is(runs, 3);
  assert.is(await git(['config', 'paude.test']), 'yes\n');
});

test('waits to remove a remote, too', async () => {
  rmSync(lock);
  await git(['remote', 'add', 'origin', 'paude://podman/x']);
  writeFileSync(lock, '');
  runs = 0;
  const freed: RunGit = async (...call) => {
    if (runs === 2) rmSync(lock);
    return git(...call);
  };
  await writeConfig(freed, ['remote', 'remove', 'origin']);
  assert.is(runs, 3);
  assert.is(await git(['remote']), '');
});

test('does not wait for ever for a lock that a killed git left, and says what to do', async () => {
  const error = await writeConfig(git, args, 0).catch((thrown: unknown) => thrown);
  assert.ok(isPaudeError(error, 'GIT_FAILED'), String(error));
  const pasted = /: (rm .*)$/.exec(error.hint!)![1]!;
  assert.ok(existsSync(lock));
  execFileSync('sh', ['-c', pasted], { cwd: join(folder, 'a folder') });
  assert.not.ok(existsSync(lock));
});

test('waits for nothing else', async () => {
  rmSync(lock);
  const error = await writeConfig(git, ['config', 'no-section', 'yes']).catch((thrown: unknown) => thrown);
  assert.ok(isPaudeError(error, 'GIT_FAILED'), String(error));
  assert.is(runs, 1);
});

test.run();
