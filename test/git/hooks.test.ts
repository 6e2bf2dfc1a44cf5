import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { isPaudeError } from '../../lib/errors.ts';
import { findHook, installHook, uninstallHook } from '../../lib/git/hooks.ts';
import { suite } from '../harness/suite.ts';
import { until } from '../journeys/world.ts';
import { HookedRepository } from './hooked-repository.ts';

const test = suite('hooks');
let at: HookedRepository;
let root: string;
let repository: string;
let env: NodeJS.ProcessEnv;

test.before.each(() => {
  at = new HookedRepository();
  ({ root, repository, env } = at);
});
test.after.each(() => at.remove());

const git = (folder: string, ...args: string[]) => at.git(folder, ...args);
const runs = () => at.runs();
const waitForRuns = (count: number) => at.waitForRuns(count);
const later = () => at.later();
const quiet = () => at.quiet();

test('a checkout of a branch runs it in the background, with the repository as its folder', async () => {
  await installHook(repository, env, false);
  assert.is(git(repository, 'checkout', '-q', 'other').code, 0);
  await waitForRuns(1);
  later();
  assert.is(git(repository, 'switch', '-q', '-c', 'new').code, 0);
  assert.equal(await waitForRuns(2), Array(2).fill(`hooks run in ${repository}`));
});

test('a burst runs it once, and a minute later it runs again', async () => {
  await installHook(repository, env, false);
  for (let round = 0; round < 6; round++)
    git(repository, 'checkout', '-q', round % 2 === 0 ? 'other' : 'main');
  await waitForRuns(1);
  await quiet();
  assert.is(runs().length, 1);
  later();
  git(repository, 'checkout', '-q', 'other');
  await waitForRuns(2);
});

/** The machine's own find, and one that counts as BSD's does: minutes are rounded up, and there are seconds. */
const finds: Readonly<Record<string, string | undefined>> = {
  "the machine's find": undefined,
  "a find that counts as BSD's does": `
    age=$(($(date +%s) - $(stat -c %Y "$1" || echo 0)))
    [ -e "$1" ] || exit 1
    for last; do :; done
    case $* in
      *' -mmin '*) unit=60 ;;
      *' -mtime '*s) unit=1 last=\${last%s} ;;
    esac
    count=$(((age + unit - 1) / unit))
    case $last in
      +*) [ "$count" -gt "\${last#+}" ] ;;
      -*) [ "$count" -lt "\${last#-}" ] ;;
      *) [ "$count" -eq "$last" ] ;;
    esac && printf '%s\\n' "$1"`,
};
for (const [name, script] of Object.entries(finds)) {
  test(`with ${name}: 30 seconds ago holds it back, 90 seconds ago does not`, async () => {
    if (script !== undefined) at.program('find', script);
    await installHook(repository, env, false);
    git(repository, 'checkout', '-q', 'other');
    await waitForRuns(1);
    await quiet();
    for (const [seconds, count] of [
      [0, 1],
      [30, 1],
      [90, 2],
    ] as const) {
      at.later(seconds);
      git(repository, 'checkout', '-q', '-');
      await quiet();
      assert.is(runs().length, count, `${seconds} seconds`);
    }
  });
}

test('what is no checkout of a branch does not run it', async () => {
  await installHook(repository, env, false);
  git(repository, 'checkout', '-q', 'HEAD~1', '--', 'file');
  git(repository, 'reset', '-q', '--hard');
  git(repository, 'commit', '-q', '--allow-empty', '-m', 'x');
  git(repository, 'stash');
  git(repository, 'tag', 'v');
  await quiet();
  assert.equal(runs(), []);
});

test('it is quiet in the middle of a rebase and of a bisect', async () => {
  await installHook(repository, env, false);
  git(repository, 'branch', '-q', 'topic', 'HEAD~1');
  spawnSync('git', ['rebase', '-q', '-i', '--root'], {
    cwd: repository,
    env: { ...env, GIT_SEQUENCE_EDITOR: 'sed -i s/pick/edit/' },
  });
  assert.ok(existsSync(join(repository, '.git/rebase-merge')));
  assert.is(git(repository, 'checkout', '-q', 'topic').code, 0);
  git(repository, 'checkout', '-q', '--detach', 'main');
  git(repository, 'rebase', '--quit');
  await quiet();
  assert.equal(runs(), []);
  git(repository, 'bisect', 'start', 'main', 'main~2');
  assert.ok(existsSync(join(repository, '.git/BISECT_LOG')));
  git(repository, 'bisect', 'good');
  await quiet();
  assert.equal(runs(), []);
});

test('a linked worktree has it too', async () => {
  await installHook(repository, env, false);
  const linked = join(root, 'linked');
  assert.is(git(repository, 'worktree', 'add', '-q', linked, 'other').code, 0);
  await waitForRuns(1);
  await quiet();
  later();
  assert.is(git(linked, 'checkout', '-q', '-b', 'there').code, 0);
  assert.is((await waitForRuns(2)).at(-1), `hooks run in ${linked}`);
  assert.is((await findHook(linked, env)).path, join(repository, '.git/hooks/post-checkout'));
  assert.is((await findHook(linked, env)).state, 'ours');
});

test('without sessions in the repository’s own configuration it runs nothing, whatever else says', async () => {
  await installHook(repository, env, false);
  git(repository, 'remote', 'remove', 'paude-x');
  git(repository, 'remote', 'add', 'origin', 'https://example.com/paude:x');
  writeFileSync(join(root, '.gitconfig'), '[remote "g"]\n\turl = paude://podman/x\n');
  writeFileSync(join(repository, '.paude.json'), '{"backend":"podman"}');
  assert.is(git(repository, 'checkout', '-q', 'other').code, 0);
  await quiet();
  assert.equal(runs(), []);
});

test('a checkout does not wait for it and does not fail with it', async () => {
  await installHook(repository, env, false);
  at.program(
    'git-paude',
    'echo begun >>"$HOME/runs"; echo noise; echo noise >&2; while [ ! -e "$HOME/go" ]; do sleep 0.05; done; echo ended >>"$HOME/runs"; exit 3',
  );
  const done = git(repository, 'checkout', 'other');
  assert.is(done.code, 0);
  assert.not.match(done.stdout + done.stderr, 'noise');
  await waitForRuns(1);
  later();
  // The first one still runs.
  assert.is(git(repository, 'checkout', '-q', 'main').code, 0);
  writeFileSync(join(root, 'go'), '');
  await until(
    runs,
    (rows) => rows.filter((row) => row === 'ended').length === rows.length / 2 && rows.length >= 2,
  );
});

test('without git-paude on the PATH a checkout is a checkout', async () => {
  await installHook(repository, env, false);
  rmSync(join(root, 'bin/git-paude'));
  assert.equal(git(repository, 'checkout', '-q', 'other'), { code: 0, stdout: '', stderr: '' });
});

test('a folder that can’t be written, and a lock that a dead hook left, do no harm', async () => {
  await installHook(repository, env, false);
  writeFileSync(join(repository, '.git/paude'), 'in the way');
  assert.equal(git(repository, 'checkout', '-q', 'other'), { code: 0, stdout: '', stderr: '' });
  rmSync(join(repository, '.git/paude'));
  mkdirSync(join(repository, '.git/paude/hook.lock'), { recursive: true });
  git(repository, 'checkout', '-q', 'main');
  await quiet();
  assert.equal(runs(), []);
  utimesSync(join(repository, '.git/paude/hook.lock'), new Date(0), new Date(0));
  git(repository, 'checkout', '-q', 'other');
  await waitForRuns(1);
});

test('a stranger’s hook is not touched; chained it runs first, and its exit code counts; uninstalled it is as it was', async () => {
  const file = join(repository, '.git/hooks/post-checkout');
  const theirs = '#!/bin/bash\n[[ $3 == 1 ]] && echo "theirs $0 $1" >>"$HOME/theirs"\nexit 4\n';
  mkdirSync(join(repository, '.git/hooks'), { recursive: true });
  writeFileSync(file, theirs, { mode: 0o755 });
  try {
    await installHook(repository, env, false);
    assert.unreachable();
  } catch (error) {
    assert.ok(isPaudeError(error, 'HOOK_FOREIGN'), String(error));
  }
  assert.is(readFileSync(file, 'utf8'), theirs);
  const head = git(repository, 'rev-parse', 'HEAD').stdout.trim();
  const failing = git(repository, 'checkout', '-q', 'main').code;
  assert.is.not(failing, 0);
  rmSync(join(root, 'theirs'));
  assert.ok((await installHook(repository, env, true)).chained);
  assert.is(git(repository, 'checkout', '-q', 'other').code, failing);
  assert.is(readFileSync(join(root, 'theirs'), 'utf8'), `theirs .git/hooks/post-checkout ${head}\n`);
  await waitForRuns(1);
  // Again is nothing new.
  assert.ok((await installHook(repository, env, false)).chained);
  await uninstallHook(repository, env);
  assert.is(readFileSync(file, 'utf8'), theirs);
  try {
    await uninstallHook(repository, env);
    assert.unreachable();
  } catch (error) {
    assert.ok(isPaudeError(error, 'HOOK_FOREIGN'), String(error));
  }
});

test('a chained hook of another language, or compiled, runs as it is; a shell’s with the flags that it asks for', async () => {
  const file = join(repository, '.git/hooks/post-checkout');
  const theirs = join(root, 'theirs');
  mkdirSync(join(repository, '.git/hooks'), { recursive: true });
  // An interpreter whose path has a shell's name in it, and no space.
  const tools = mkdtempSync(join(tmpdir(), 'bash-tools-of-josh-'));
  const node = join(tools, 'runner');
  symlinkSync(process.execPath, node);
  const script = `require('fs').writeFileSync(process.env.HOME + '/theirs', process.argv[4]);\n`;
  const hooks: readonly (readonly [string, string | Buffer, number, string | undefined])[] = [
    ['another language', `#!${node}\n${script}`, 0, '1'],
    ['found by env', `#!/usr/bin/env node\n${script}`, 0, '1'],
    ['compiled', readFileSync('/bin/true'), 0, undefined],
    ['without an interpreter', 'printf "%s" "$3" >"$HOME/theirs"\n', 0, '1'],
    ['a flag', '#!/bin/sh -e\nprintf flag >"$HOME/theirs"\nfalse\nprintf on >"$HOME/theirs"\n', 1, 'flag'],
    ['a space before it', '#! /bin/sh\nprintf "%s" "$3" >"$HOME/theirs"\n', 0, '1'],
  ];
  for (const [name, content, code, left] of hooks) {
    rmSync(theirs, { force: true });
    writeFileSync(file, content, { mode: 0o755 });
    await installHook(repository, env, true);
    const { code: ended, stderr } = git(repository, 'checkout', '-q', 'other');
    assert.equal([ended, stderr], [code, ''], name);
    assert.is(existsSync(theirs) ? readFileSync(theirs, 'utf8') : undefined, left, name);
    await uninstallHook(repository, env);
    git(repository, '-c', 'core.hooksPath=/dev/null', 'checkout', '-q', 'main');
  }
  rmSync(tools, { recursive: true });
});

test('beside husky: its own hook of the repository still runs, also after it has laid its hooks anew', async () => {
  const program = fileURLToPath(import.meta.resolve('husky').replace(/index\.js$/, 'bin.js'));
  const husky = () => spawnSync(process.execPath, [program], { cwd: repository, env, encoding: 'utf8' });
  assert.is(husky().status, 0);
  writeFileSync(join(repository, '.husky/post-checkout'), 'echo "husky $3" >>"$HOME/theirs"\n');
  const file = join(repository, '.husky/_/post-checkout');
  assert.is((await findHook(repository, env)).path, file);
  for (const [round, branch] of ['other', 'main'].entries()) {
    assert.is((await findHook(repository, env)).state, 'foreign');
    await installHook(repository, env, true);
    assert.equal(git(repository, 'checkout', '-q', branch), { code: 0, stdout: '', stderr: '' });
    assert.is(readFileSync(join(root, 'theirs'), 'utf8'), 'husky 1\n'.repeat(round + 1));
    await waitForRuns(round + 1);
    await quiet();
    later();
    husky();
  }
});

test('an older version of it is brought up to date', async () => {
  const file = join(repository, '.git/hooks/post-checkout');
  await installHook(repository, env, false);
  writeFileSync(file, "#!/bin/sh\n# git-paude's hook, version 0\n");
  assert.is((await findHook(repository, env)).state, 'old');
  assert.is((await installHook(repository, env, false)).state, 'ours');
  await uninstallHook(repository, env);
  assert.is((await findHook(repository, env)).state, 'none');
  assert.not.ok(existsSync(file));
});

test.run();
