import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { suite } from '../harness/suite.ts';
import { sessionFolder, type SessionFolder } from './session-folder.ts';

const test = suite('landing apart');
let session: SessionFolder;

test.before.each(() => {
  session = sessionFolder();
  session.git(session.root, 'init', '-q', '-b', 'main', session.source);
});
test.after.each(() => session.remove());

const read = (folder: string, path: string) => readFileSync(join(folder, path), 'utf8');
const status = (folder: string) => session.git(folder, 'status', '--porcelain');

function landed(...refs: readonly string[]): void {
  const { code, stderr } = session.push(...refs);
  assert.is(code, 0, stderr);
}

function refused(why: RegExp, ...refs: readonly string[]): void {
  const { code, stderr } = session.push(...refs);
  assert.is(code, 1, stderr);
  assert.match(stderr, why);
  assert.match(stderr, /paude: hint: /);
}

/** A linked work tree of the session, with the branch `feature`. */
function linked(): string {
  session.commit('a', '1');
  landed('main', 'main:feature');
  const folder = join(session.root, 'volume', 'linked');
  session.git(session.workspace, 'worktree', 'add', '-q', folder, 'feature');
  session.git(session.source, 'checkout', '-qb', 'feature');
  return folder;
}

test('a branch that a linked work tree has lands there, and the other tree is left alone', () => {
  const folder = linked();
  session.commit('b', '2');
  landed('feature');
  assert.is(read(folder, 'b'), '2');
  assert.is(status(folder), '');
  assert.is(existsSync(join(session.workspace, 'b')), false);
  assert.is(status(session.workspace), '');
});

test('what is not committed counts in the tree that the push is for, and in no other', () => {
  const folder = linked();
  writeFileSync(join(session.workspace, 'a'), 'mine');
  session.commit('b', '2');
  landed('feature');
  assert.is(read(session.workspace, 'a'), 'mine');
  writeFileSync(join(folder, 'b'), 'mine');
  session.commit('c', '3');
  refused(/not committed: b/, 'feature');
  assert.is(read(folder, 'b'), 'mine');
});

test('a merge in a linked work tree stops what is pushed there, and only that', () => {
  const folder = linked();
  session.git(session.workspace, 'branch', 'side');
  session.git(folder, 'commit', '-q', '--allow-empty', '-m', 'x');
  session.git(folder, 'checkout', '-q', '-B', 'feature', 'main');
  session.git(session.workspace, 'checkout', '-q', 'side');
  session.git(session.workspace, 'commit', '-q', '--allow-empty', '-m', 'y');
  session.git(session.workspace, 'checkout', '-q', 'main');
  session.git(folder, 'merge', '-q', '--no-ff', '--no-commit', 'side');
  session.commit('b', '2');
  refused(/in the middle of a merge/, 'feature');
  landed('feature:main');
  assert.is(read(session.workspace, 'b'), '2');
});

test('forced pushes of one moment each keep what they dropped', () => {
  session.commit('a', '1');
  landed('main');
  const tips = ['x', 'y', 'z'].map((name) =>
    session.git(session.source, 'commit-tree', '-m', name, 'main^{tree}'),
  );
  for (const tip of tips) landed('--force', `${tip}:refs/heads/side`);
  const kept = session.git(
    session.workspace,
    'for-each-ref',
    '--format=%(objectname)',
    'refs/paude/autosave',
  );
  assert.equal(kept.split('\n').sort(), tips.slice(0, 2).sort());
});

test('kept branches whose names are in each other’s way are all kept', () => {
  session.commit('a', '1');
  landed('main');
  const [one, two] = ['x', 'y'].map((name) =>
    session.git(session.source, 'commit-tree', '-m', name, 'main^{tree}'),
  );
  landed(`${one}:refs/heads/side`);
  landed('--delete', 'side');
  landed(`${two}:refs/heads/side/way`);
  landed('--delete', 'side/way');
  const kept = session.git(
    session.workspace,
    'for-each-ref',
    '--format=%(objectname)',
    'refs/paude/autosave',
  );
  assert.equal(kept.split('\n').sort(), [one, two].sort());
});

test('a staged change whose file was put back is still a change', () => {
  session.commit('a', '1');
  landed('main');
  writeFileSync(join(session.workspace, 'a'), 'mine');
  session.git(session.workspace, 'add', 'a');
  writeFileSync(join(session.workspace, 'a'), '1');
  session.commit('b', '2');
  refused(/not committed: a/, 'main');
  assert.is(session.git(session.workspace, 'show', ':a'), 'mine');
});

test('a file that git is told not to look at is not written over', () => {
  session.commit('a', '1');
  landed('main');
  for (const flag of ['--assume-unchanged', '--skip-worktree']) {
    session.git(session.workspace, 'update-index', flag, 'a');
    writeFileSync(join(session.workspace, 'a'), `mine ${flag}`);
    session.commit('a', `theirs ${flag}`);
    refused(/not committed: a|could not bring/, 'main');
    assert.is(read(session.workspace, 'a'), `mine ${flag}`);
  }
});

test('the first push writes over nothing either', () => {
  mkdirSync(session.workspace);
  writeFileSync(join(session.workspace, 'notes'), 'mine');
  session.commit('notes', 'theirs');
  refused(/in the way: notes/, 'main');
  assert.is(read(session.workspace, 'notes'), 'mine');
  session.git(session.source, 'mv', 'notes', 'other');
  session.git(session.source, 'commit', '-qm', 'aside');
  landed('main');
  assert.is(read(session.workspace, 'notes'), 'mine');
  assert.is(read(session.workspace, 'other'), 'theirs');
});

test('nothing is written through a link that leads out of the work tree', () => {
  session.commit('a', '1');
  landed('main');
  const outside = join(session.root, 'outside');
  mkdirSync(outside);
  symlinkSync(outside, join(session.workspace, 'data'));
  session.commit('data/x', 'theirs');
  refused(/in the way: data/, 'main');
  assert.is(existsSync(join(outside, 'x')), false);
});

test('a tracked link may become a folder', () => {
  mkdirSync(join(session.root, 'outside'));
  writeFileSync(join(session.root, 'outside', 'x'), 'outside');
  symlinkSync('../../outside', join(session.source, 'data'));
  session.commit('a', '1');
  landed('main');
  session.git(session.source, 'rm', '-q', 'data');
  session.commit('data/x', 'theirs');
  landed('main');
  assert.is(read(session.workspace, 'data/x'), 'theirs');
  assert.is(read(join(session.root, 'outside'), 'x'), 'outside');
});

test('a session that was only asked for takes the object format of its first push', () => {
  assert.is(session.session(['serve', 'upload-pack', '--object-format=sha1'], '0000').code, 0);
  assert.is(session.git(session.workspace, 'rev-parse', '--show-object-format'), 'sha1');
  rmSync(session.source, { recursive: true });
  session.git(session.root, 'init', '-q', '--object-format=sha256', '-b', 'main', session.source);
  const head = session.commit('a', '1');
  landed('main');
  assert.is(head.length, 64);
  assert.is(session.git(session.workspace, 'rev-parse', 'HEAD'), head);
  assert.is(read(session.workspace, 'a'), '1');
});

test('one that holds a commit, or a file that was added, keeps its format', () => {
  session.session(['serve', 'receive-pack', '--object-format=sha1'], '0000');
  writeFileSync(join(session.workspace, 'a'), 'mine');
  session.git(session.workspace, 'add', 'a');
  session.session(['serve', 'receive-pack', '--object-format=sha256'], '0000');
  assert.is(session.git(session.workspace, 'rev-parse', '--show-object-format'), 'sha1');
  assert.is(session.git(session.workspace, 'show', ':a'), 'mine');
});

test('what a push says of itself may follow it, and the first byte after that is for git', () => {
  const options = '--object-format=sha256\n--head=main\n--name=Ada  L\n--email=ada@example.com\n\n';
  const { code, stdout, stderr } = session.session(['serve', 'receive-pack', '-'], `${options}0000`);
  assert.is(code, 0, stderr);
  assert.match(stdout, /^paude bare 1\n[0-9a-f]{4}0{64} capabilities/);
  assert.is(session.git(session.workspace, 'rev-parse', '--show-object-format'), 'sha256');
  const config = join(session.workspace, '../identity.gitconfig');
  assert.is(session.git(session.root, 'config', '--file', config, '--get', 'user.name'), 'Ada  L');
});

test('of who vanishes before that is said nothing is made', () => {
  for (const said of ['', '--object-format=sha256', '--object-format=sha256\n--head=main\n']) {
    const { code, stdout } = session.session(['serve', 'receive-pack', '-'], said);
    assert.equal([code, stdout], [1, ''], said);
  }
  assert.is(existsSync(session.workspace), false);
  assert.is(session.session(['serve', 'receive-pack', '-'], '--other=x\n\n').code, 1);
});

test('a repository that was half made is made anew', () => {
  mkdirSync(join(session.root, 'volume', '.new-repository', '.git'), { recursive: true });
  session.commit('a', '1');
  landed('main');
  assert.is(read(session.workspace, 'a'), '1');
  assert.is(existsSync(join(session.root, 'volume', '.new-repository')), false);
});

test('who pushed last is who the session commits as, and a half of it is not forgotten', () => {
  const identity = () => {
    const config = join(session.workspace, '../identity.gitconfig');
    return ['user.name', 'user.email'].map((key) =>
      session.git(session.root, 'config', '--file', config, '--get', key),
    );
  };
  const pushAs = (name: string, email: string) =>
    session.session(['serve', 'receive-pack', `--name=${name}`, `--email=${email}`], '0000');
  for (const [name, email] of [
    ['Ada "A" \\', 'ada@example.com'],
    ['Ada "A" \\', 'ada@example.com'],
    ['Böb', 'bob@example.com'],
    ['Ada "A" \\', 'ada@example.com'],
    [' two  blanks ', 'bob@example.com'],
  ] as const) {
    const { code, stderr } = pushAs(name, email);
    assert.is(code, 0, stderr);
    assert.equal(identity(), [name.trim(), email]);
  }
  writeFileSync(join(session.workspace, '../.identity'), '');
  assert.is(pushAs('Eve', 'eve@example.com').code, 0);
  assert.equal(identity(), ['Eve', 'eve@example.com']);
});

test('a filter that somebody has installed in the session is found when code lands', () => {
  const tools = join(session.root, 'tools');
  mkdirSync(tools);
  session.env['PAUDE_TOOLS'] = tools;
  writeFileSync(join(tools, 'shout'), '#!/bin/sh\nexec tr a-z A-Z\n', { mode: 0o755 });
  session.commit('.gitattributes', '*.txt filter=shout\n');
  landed('main');
  session.git(session.workspace, 'config', 'filter.shout.smudge', 'shout');
  session.git(session.workspace, 'config', 'filter.shout.required', 'true');
  session.git(session.workspace, 'config', 'filter.shout.clean', 'cat');
  session.commit('a.txt', 'a');
  landed('main');
  assert.is(read(session.workspace, 'a.txt'), 'A');
});

test('what is not committed is counted, and where that can’t be looked at, it is no answer', () => {
  session.commit('a', '1');
  landed('main');
  const dirty = () => session.session(['branches']).stdout.split('\n').slice(1);
  assert.equal(dirty(), ['over', '']);
  for (const path of ['a', 'b']) writeFileSync(join(session.workspace, path), 'mine');
  assert.equal(dirty(), ['dirty 2', 'over', '']);
  // As the user's own configuration of git may say, which goes along.
  session.git(session.workspace, 'config', 'status.showUntrackedFiles', 'no');
  assert.equal(dirty(), ['dirty 2', 'over', '']);
  writeFileSync(join(session.workspace, '.git/index'), 'broken');
  const { code, stdout, stderr } = session.session(['branches']);
  assert.is.not(code, 0);
  assert.not.match(stdout, 'over');
  assert.match(stderr, /index/);
});

test.run();
