import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { isPaudeError } from '../../lib/errors.ts';
import { openRepository, type Repository } from '../../lib/git/repository.ts';
import { suite } from '../harness/suite.ts';

const test = suite('repository');
let folder: string;
const env = {
  PATH: process.env['PATH'],
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  EDITOR: 'x',
  GIT_EDITOR: 'x',
};
const url = 'paude://podman/x';

function git(...args: string[]): string {
  const identity = ['-c', 'user.name=A', '-c', 'user.email=a@example.com', '-c', 'init.defaultBranch=main'];
  return execFileSync('git', [...identity, ...args], { cwd: folder, env, encoding: 'utf8' }).trim();
}

async function open(at = folder, extra: NodeJS.ProcessEnv = {}): Promise<Repository> {
  const found = await openRepository(at, { ...env, ...extra });
  assert.ok(found);
  return found;
}

test.before.each(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'paude répo ')));
  git('init', '-q');
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

test('is nothing outside of a repository, whatever language git speaks', async () => {
  assert.is(await openRepository('/', env), undefined);
  assert.is(await openRepository('/', { ...env, LC_ALL: 'C.UTF-8', LANGUAGE: 'de' }), undefined);
});

test('a folder of a clone that poses as a bare repository is none, wherever in it one is', async () => {
  const pose = (path: string, ...more: string[]) => {
    for (const part of ['objects', 'refs']) mkdirSync(join(folder, path, part), { recursive: true });
    const files = {
      HEAD: 'ref: refs/heads/main\n',
      config: ['[paude]', 'allowNetwork', ...more, ''].join('\n'),
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, path, name), text);
    for (const part of ['objects/x', 'refs/x']) writeFileSync(join(folder, path, part), '');
  };
  pose('a folder');
  pose('a folder/objects/inner');
  pose('with a tree', '[core]', 'bare = false', `worktree = ${folder}`);
  // What the user has made there is the user's own.
  assert.is((await open(join(folder, 'a folder'))).folderName, 'a folder');
  git('add', 'a folder', 'with a tree');
  for (const path of ['a folder', 'a folder/objects', 'a folder/objects/inner', 'with a tree']) {
    const error = await openRepository(join(folder, path), env).catch((reason: unknown) => reason);
    assert.ok(isPaudeError(error, 'GIT_FAILED'), path);
    assert.match(error.message, 'its settings are not yours');
    assert.match(error.hint!, folder);
  }
});

test('a remote of a session is fetched by name only, and keeps git-lfs at home', async () => {
  const repository = await open();
  assert.is(await repository.addRemote('paude-x', url), 'added');
  assert.is(await repository.addRemote('paude-x', url), 'same');
  assert.equal(await repository.remotes(), [{ name: 'paude-x', url }]);
  assert.is(git('config', 'remote.paude-x.skipFetchAll'), 'true');
  assert.is(git('config', 'remote.paude-x.lfsurl'), 'file:///paude');
  // Were it fetched, git would look for the helper, and fail without it.
  git('fetch', '--all');
  await repository.removeRemote('paude-x');
  assert.equal(await repository.remotes(), []);
  assert.is(git('config', '--local', '--list').includes('paude-x'), false);
});

test('a remote of another URL is left alone', async () => {
  const repository = await open();
  git('remote', 'add', 'paude-x', 'https://example.com/x.git');
  try {
    await repository.addRemote('paude-x', url);
    assert.unreachable();
  } catch (error) {
    assert.ok(isPaudeError(error, 'REMOTE_EXISTS'));
  }
  assert.is(git('config', 'remote.paude-x.url'), 'https://example.com/x.git');
});

test('many add their remotes at once, and each is there, whole', async () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'f'].map((name) => `paude-${name}`);
  const repositories = await Promise.all(names.map(() => open()));
  await Promise.all(repositories.map((repository, number) => repository.addRemote(names[number]!, url)));
  assert.equal((await (await open()).remotes()).map(({ name }) => name).sort(), names.slice(0, 6));
  for (const name of names) {
    assert.is(git('config', `remote.${name}.skipFetchAll`), 'true');
    assert.is(git('config', '--get-all', `remote.${name}.fetch`), `+refs/heads/*:refs/remotes/${name}/*`);
  }
  await Promise.all(names.slice(0, 6).map(async (name) => (await open()).removeRemote(name)));
  assert.is(git('config', '--local', '--list').includes('remote.'), false);
});

test('knows which objects are here', async () => {
  git('commit', '-q', '--allow-empty', '-m', 'one');
  const head = git('rev-parse', 'HEAD');
  const other = 'f'.repeat(40);
  assert.equal(await (await open()).present([head, other]), new Set([head]));
  assert.equal(await (await open()).present([]), new Set());
});

test('knows the branch before and after its first commit, and a detached HEAD', async () => {
  const repository = await open();
  assert.is(await repository.currentBranch(), 'main');
  git('commit', '-q', '--allow-empty', '-m', 'one');
  git('checkout', '-q', '--detach');
  assert.is(await repository.currentBranch(), undefined);
});

test('works in a linked worktree, in a bare repository, and by GIT_DIR', async () => {
  git('commit', '-q', '--allow-empty', '-m', 'one');
  git('worktree', 'add', '-q', '-b', 'linked', 'linked tree');
  const linked = await open(join(folder, 'linked tree'));
  assert.is(linked.topLevel, join(folder, 'linked tree'));
  await linked.addRemote('paude-x', url);
  assert.is((await (await open()).remotes()).length, 1);
  git('init', '-q', '--bare', 'some.git');
  const bare = await open(join(folder, 'some.git'));
  assert.is(bare.topLevel, undefined);
  assert.is(bare.folderName, 'some');
  const within = await open(join(folder, '.git'));
  assert.is(within.topLevel, undefined);
  const broken = join(folder, 'two\nlines');
  git('init', '-q', '--object-format=sha256', broken);
  assert.is((await open(broken)).topLevel, broken);
  assert.is((await open(broken)).objectFormat, 'sha256');
  assert.is((await open()).objectFormat, 'sha1');
  const byVariable = await open('/', { GIT_DIR: join(folder, '.git') });
  assert.is((await byVariable.remotes()).length, 1);
});

test('whatever the user’s environment configures is the user’s own affair', async () => {
  for (const key of [
    'alias.st',
    'core.askPass',
    'core.editor',
    'core.fsmonitor',
    'core.gitProxy',
    'core.hooksPath',
    'core.pager',
    'core.sshCommand',
    'credential.helper',
    'diff.external',
    'diff.x.textconv',
    'filter.x.clean',
    'gpg.program',
    'gpg.ssh.program',
    'include.path',
    'init.templateDir',
    'merge.x.driver',
    'mergetool.x.cmd',
    'protocol.ext.allow',
    'remote.x.uploadpack',
    'safe.directory',
    'sequence.editor',
    'submodule.x.update',
    'tar.x.command',
    'url.x.insteadOf',
  ]) {
    const set = { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: key, GIT_CONFIG_VALUE_0: '/nonexistent' };
    assert.equal(await (await open(folder, set)).ownRemotes(), [], key);
  }
});

test('sees what git -c says to its children', async () => {
  const repository = await open(folder, { GIT_CONFIG_PARAMETERS: "'paude.autostart'='never'" });
  assert.is((await repository.config()).get('paude.autostart'), 'never');
});

test('has all values of a key of ours, and the last of others', async () => {
  for (const key of ['paude.allow', 'user.name'])
    for (const value of ['a', 'b']) git('config', '--add', key, value);
  const config = await (await open()).config();
  assert.is(config.get('paude.allow'), 'a\nb');
  assert.is(config.get('user.name'), 'b');
});

test.run();
