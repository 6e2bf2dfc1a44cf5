import { execFileSync, spawnSync } from 'node:child_process';
import fs, {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import isomorphic from 'isomorphic-git';
import * as assert from 'uvu/assert';
import { suite } from '../harness/suite.ts';

const test = suite('landing');
const files = fileURLToPath(new URL('../../lib/image/files/', import.meta.url));
let root: string;
let source: string;
let workspace: string;
let remote: string;

/** A git of the user's, and one that works in the session; neither knows this machine's configuration. */
function git(folder: string, ...args: string[]): string {
  return execFileSync('git', args, {
    cwd: folder,
    env: environment(),
    encoding: 'utf8',
    stdio: 'pipe',
  }).trim();
}

function environment(): NodeJS.ProcessEnv {
  const identity = { name: 'A', email: 'a@example.com' };
  return {
    PATH: process.env['PATH'],
    HOME: root,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: identity.name,
    GIT_AUTHOR_EMAIL: identity.email,
    GIT_COMMITTER_NAME: identity.name,
    GIT_COMMITTER_EMAIL: identity.email,
    GIT_ALLOW_PROTOCOL: 'ext',
    PAUDE_VOLUME: join(root, 'volume'),
    PAUDE_RUN: join(root, 'run'),
    PAUDE_FILES: files,
    PAUDE_SESSION: 'x',
  };
}

function push(...refs: string[]): { readonly code: number | null; readonly said: string } {
  const done = spawnSync('git', ['push', remote, ...refs], {
    cwd: source,
    env: environment(),
    encoding: 'utf8',
  });
  return { code: done.status, said: done.stderr };
}

function commit(path: string, text: string): string {
  mkdirSync(join(source, path, '..'), { recursive: true });
  writeFileSync(join(source, path), text);
  git(source, 'add', '--force', '--all', '.');
  git(source, 'commit', '-qm', path);
  return git(source, 'rev-parse', 'HEAD');
}

function refused(result: ReturnType<typeof push>, why: RegExp): void {
  assert.is(result.code, 1);
  assert.match(result.said, why);
  assert.match(result.said, /paude: hint: /);
}

test.before.each(() => {
  root = mkdtempSync(join(tmpdir(), 'paude-landing-'));
  source = join(root, 'source');
  workspace = join(root, 'volume', 'workspace');
  for (const folder of ['volume', 'run']) mkdirSync(join(root, folder));
  writeFileSync(join(root, 'run', 'ready'), '');
  // git's ext:: transport runs the far side; the ready line is for the helper, and is taken off here.
  const far = join(root, 'far');
  const serve = `'${files}/paude-session' serve "\${1#git-}" --head=main $FORMAT`;
  writeFileSync(far, `#!/bin/sh\nexec 3<&0\n${serve} <&3 | { read -r _; exec cat; }\n`);
  chmodSync(far, 0o755);
  remote = `ext::${far} %s`;
  execFileSync('git', ['init', '-q', '-b', 'main', source]);
});
test.after.each(() => rmSync(root, { recursive: true, force: true }));

test('the first push makes the repository with its branch, and the files appear', () => {
  commit('a/b', 'text');
  git(source, 'branch', 'zeta');
  assert.is(push('zeta', 'main').code, 0);
  assert.is(git(workspace, 'symbolic-ref', 'HEAD'), 'refs/heads/main');
  assert.is(readFileSync(join(workspace, 'a/b'), 'utf8'), 'text');
  assert.is(git(workspace, 'status', '--porcelain'), '');
});

test('the branch that is pushed first is the session’s, whatever its name', () => {
  commit('a', '1');
  assert.is(push('main:refs/heads/größe/"x\'').code, 0);
  assert.is(git(workspace, 'symbolic-ref', 'HEAD'), 'refs/heads/größe/"x\'');
  assert.is(readFileSync(join(workspace, 'a'), 'utf8'), '1');
});

test('a clean work tree follows, with files added, changed and removed', () => {
  commit('a', '1');
  commit('b', '1');
  push('main');
  git(source, 'rm', '-q', 'b');
  commit('c/d', '2');
  assert.is(push('main').code, 0);
  assert.is(existsSync(join(workspace, 'b')), false);
  assert.is(readFileSync(join(workspace, 'c/d'), 'utf8'), '2');
  assert.is(git(workspace, 'status', '--porcelain'), '');
});

for (const staged of [false, true]) {
  test(`over a change that is not committed${staged ? ', staged' : ''}, nothing lands`, () => {
    commit('a', '1');
    push('main');
    writeFileSync(join(workspace, 'a'), 'mine');
    if (staged) git(workspace, 'add', 'a');
    const before = git(workspace, 'rev-parse', 'HEAD');
    commit('unrelated', '2');
    refused(push('main'), /not committed: a/);
    assert.is(git(workspace, 'rev-parse', 'HEAD'), before);
    assert.is(readFileSync(join(workspace, 'a'), 'utf8'), 'mine');
    assert.is(push('main:incoming').code, 0);
  });
}

test('a file that git does not track is not written over, ignored or not', () => {
  commit('.gitignore', '.env\n');
  push('main');
  for (const path of ['.env', 'notes']) writeFileSync(join(workspace, path), 'mine');
  for (const path of ['.env', 'notes']) {
    commit(path, 'theirs');
    refused(push('main'), /in the way: /);
    assert.is(readFileSync(join(workspace, path), 'utf8'), 'mine');
  }
  assert.is(git(workspace, 'status', '--porcelain'), '?? notes');
});

test('neither is a file where a folder is to be, nor a folder where a file is to be', () => {
  commit('a', '1');
  push('main');
  writeFileSync(join(workspace, 'data'), 'mine');
  mkdirSync(join(workspace, 'tool'));
  writeFileSync(join(workspace, 'tool', 'file'), 'mine');
  commit('data/x', '2');
  refused(push('main'), /in the way: data/);
  git(source, 'reset', '-q', '--hard', 'HEAD~1');
  commit('tool', '2');
  refused(push('main'), /in the way: tool/);
  assert.is(readFileSync(join(workspace, 'data'), 'utf8'), 'mine');
  assert.is(readFileSync(join(workspace, 'tool/file'), 'utf8'), 'mine');
});

test('a tracked file may become a folder, and the other way round', () => {
  commit('a', '1');
  push('main');
  git(source, 'rm', '-q', 'a');
  commit('a/b', '2');
  assert.is(push('main').code, 0);
  git(source, 'rm', '-qr', 'a');
  commit('a', '3');
  assert.is(push('main').code, 0);
  assert.is(readFileSync(join(workspace, 'a'), 'utf8'), '3');
});

const states: readonly (readonly [string, (folder: string) => void])[] = [
  ['merge', (folder) => git(folder, 'merge', '-q', '--no-ff', '--no-commit', 'side')],
  ['bisect', (folder) => git(folder, 'bisect', 'start')],
  [
    'cherry-pick',
    (folder) => spawnSync('git', ['cherry-pick', 'clash'], { cwd: folder, env: environment() }),
  ],
  ['rebase', (folder) => spawnSync('git', ['rebase', 'clash'], { cwd: folder, env: environment() })],
];
for (const [name, begin] of states) {
  test(`in the middle of a ${name}, nothing lands`, () => {
    commit('a', '1');
    git(source, 'checkout', '-qb', 'side');
    commit('s', '1');
    git(source, 'checkout', '-qb', 'clash', 'main');
    commit('a', 'clash');
    git(source, 'checkout', '-q', 'main');
    commit('a', '2');
    assert.is(push('main', 'side', 'clash').code, 0);
    begin(workspace);
    commit('later', '3');
    refused(push('main'), new RegExp(`in the middle of a ${name}|refusing to update checked out branch`));
  });
}

test('what a forced push or a deletion drops is kept', () => {
  commit('a', '1');
  const dropped = commit('a', '2');
  git(source, 'branch', 'side');
  push('main', 'side');
  git(source, 'reset', '-q', '--hard', 'HEAD~1');
  assert.is(push('--force', 'main').code, 0);
  assert.is(push('--delete', 'side').code, 0);
  const kept = git(workspace, 'for-each-ref', '--format=%(objectname)', 'refs/paude/autosave').split('\n');
  assert.equal(kept, [dropped, dropped]);
  assert.is(readFileSync(join(workspace, 'a'), 'utf8'), '1');
});

test('the checked-out branch is not deleted', () => {
  commit('a', '1');
  push('main');
  assert.is(push('--delete', 'main').code, 1);
  assert.is(readFileSync(join(workspace, 'a'), 'utf8'), '1');
});

test('another implementation of git finds what has landed as it was pushed, and nothing to do', async () => {
  mkdirSync(join(source, 'deep/er'), { recursive: true });
  writeFileSync(join(source, 'deep/er/grün'), 'a\n'.repeat(5000));
  git(source, 'add', '.');
  git(source, 'commit', '-qm', 'one');
  assert.is(push('main').code, 0);
  writeFileSync(join(source, 'deep/er/grün'), 'b\n'.repeat(5000));
  git(source, 'commit', '-qam', 'two');
  assert.is(push('main').code, 0);
  const log = await isomorphic.log({ fs, dir: workspace });
  assert.equal(
    log.map(({ oid }) => oid),
    git(source, 'rev-list', 'HEAD').split('\n'),
  );
  // Each row: in HEAD, in the work tree, in the index; 1 is there and the same.
  for (const row of await isomorphic.statusMatrix({ fs, dir: workspace }))
    assert.equal(row.slice(1), [1, 1, 1]);
});

test.run();
