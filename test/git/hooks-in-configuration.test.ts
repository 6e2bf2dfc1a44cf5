import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { findHook, installHook, uninstallHook } from '../../lib/git/hooks.ts';
import { shellWord } from '../../lib/printable.ts';
import { newerGit } from '../harness/newer-git.ts';
import { suite } from '../harness/suite.ts';
import { HookedRepository } from './hooked-repository.ts';

const test = suite("hooks in git's configuration");
const stub = fileURLToPath(new URL('../../hooks/post-checkout', import.meta.url));
const newer = newerGit();
const it = test.skipIf(newer.skip);
let at: HookedRepository;
test.before.each(() => {
  if (newer.skip === undefined) at = new HookedRepository(newer.folder);
});
test.after.each(async () => {
  if (newer.skip === undefined) await at.remove();
});

/** A hook of somebody else, where hooks lie. */
function strangers(): string {
  const file = join(at.repository, '.git/hooks/post-checkout');
  mkdirSync(join(at.repository, '.git/hooks'), { recursive: true });
  writeFileSync(file, '#!/bin/sh\necho "theirs $3" >>"$HOME/theirs"\n', { mode: 0o755 });
  return file;
}

it('it stands there, and a stranger’s hook in the folder runs beside it, untouched', async () => {
  const { repository, env } = at;
  const file = strangers();
  const text = readFileSync(file, 'utf8');
  assert.is((await findHook(repository, env)).state, 'none');
  const hook = await installHook(repository, env, false);
  assert.equal([hook.state, hook.inConfiguration, hook.chained], ['ours', true, false]);
  assert.match(at.git(repository, 'hook', 'list', 'post-checkout').stdout, 'git-paude\n');
  assert.equal(at.git(repository, 'checkout', '-q', 'other'), { code: 0, stdout: '', stderr: '' });
  assert.equal(await at.waitForRuns(1), [`hooks run in ${repository}`]);
  assert.is(readFileSync(join(at.root, 'theirs'), 'utf8'), 'theirs 1\n');
  await uninstallHook(repository, env);
  assert.is((await findHook(repository, env)).state, 'none');
  at.later();
  at.git(repository, 'checkout', '-q', 'main');
  await at.quiet();
  assert.is(at.runs().length, 1);
  assert.is(readFileSync(file, 'utf8'), text);
});

it('it runs in linked worktrees, wherever core.hooksPath leads, and not in the middle of a rebase', async () => {
  const { repository, env } = at;
  at.git(repository, 'config', 'core.hooksPath', '/nowhere');
  await installHook(repository, env, false);
  assert.is(at.git(repository, 'worktree', 'add', '-q', join(at.root, 'linked'), 'other').code, 0);
  await at.waitForRuns(1);
  await at.quiet();
  at.later();
  env['GIT_SEQUENCE_EDITOR'] = 'sed -i s/pick/edit/';
  at.git(repository, 'rebase', '-q', '-i', '--root');
  assert.ok(existsSync(join(repository, '.git/rebase-merge')));
  at.git(repository, 'checkout', '-q', '--detach', 'main');
  at.git(repository, 'rebase', '--quit');
  await at.quiet();
  assert.is(at.runs().length, 1);
});

it('one that an older git has put into the folder is known, and can be removed', async () => {
  const { repository, env } = at;
  const file = join(repository, '.git/hooks/post-checkout');
  mkdirSync(join(repository, '.git/hooks'), { recursive: true });
  copyFileSync(stub, file);
  assert.equal(
    [(await findHook(repository, env)).state, (await findHook(repository, env)).path],
    ['ours', file],
  );
  assert.is((await installHook(repository, env, false)).path, file);
  assert.is(at.git(repository, 'checkout', '-q', 'other').code, 0);
  await at.waitForRuns(1);
  await uninstallHook(repository, env);
  assert.not.ok(existsSync(file));
  assert.is((await findHook(repository, env)).state, 'none');
});

it('a repository that is somewhere else by now, as one in a container is, checks out without it until it is installed again', async () => {
  const { env } = at;
  await installHook(at.repository, env, false);
  const moved = join(at.root, 'moved');
  renameSync(at.repository, moved);
  assert.equal(at.git(moved, 'checkout', '-q', 'other'), { code: 0, stdout: '', stderr: '' });
  assert.is((await findHook(moved, env)).state, 'none');
  assert.is((await installHook(moved, env, false)).state, 'ours');
  at.git(moved, 'checkout', '-q', 'main');
  assert.equal(await at.waitForRuns(1), [`hooks run in ${moved}`]);
  renameSync(moved, at.repository);
  await uninstallHook(at.repository, env);
  assert.is(at.git(at.repository, 'config', '--local', '--get-regexp', '^hook[.]').stdout, '');
});

it('one of a version that named the file alone is brought up to date', async () => {
  const { repository, env } = at;
  const { path } = await installHook(repository, env, false);
  at.git(repository, 'config', '--local', 'hook.git-paude.command', shellWord(path));
  assert.is((await findHook(repository, env)).state, 'old');
  assert.is((await installHook(repository, env, false)).state, 'ours');
});

test.run();
