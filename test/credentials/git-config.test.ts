import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { planGit } from '../../lib/credentials/plan-git.ts';
import { suite } from '../harness/suite.ts';
import { hostFolder, type HostFolder } from './host-folder.ts';

const test = suite("git's configuration");
let host: HostFolder;
test.before.each(() => void (host = hostFolder()));
test.after.each(() => host.remove());

/** What git itself reads in what is sent. */
async function sent(): Promise<ReadonlyMap<string, string>> {
  const { going } = await planGit(host);
  const source = going.find(({ to }) => to === 'home/.gitconfig')!.source;
  const file = join(host.home, 'sent');
  writeFileSync(file, source.type === 'content' ? source.content : '');
  const said = execFileSync('git', ['config', '--file', file, '--list', '-z'], { encoding: 'utf8' });
  const entries = said
    .split('\0')
    .filter(Boolean)
    .map((entry) => entry.split(/\n([^]*)/, 2) as [string, string]);
  return new Map(entries);
}
const left = async () =>
  new Map((await planGit(host)).staying.map(({ from, why }) => [from.replace(/^.*: /, ''), why]));

test('what it includes goes with it, in git’s order, and what was pushed of who commits stands last', async () => {
  host.write('.gitconfig', '[user]\n\tname = A\n\temail = a@x\n[include]\n\tpath = more\n');
  host.write('more', '[user]\n\temail = b@x\n[alias]\n\tco = checkout\n');
  assert.equal(
    [...(await sent())],
    [
      ['user.name', 'A'],
      ['user.email', 'b@x'],
      ['alias.co', 'checkout'],
      ['include.path', '/pvc/identity.gitconfig'],
    ],
  );
  const { going } = await planGit(host);
  assert.is(going[0]!.from, '~/.gitconfig, ~/more');
});

test('values and names of every kind are the same again', async () => {
  const values = ['a "b" \\ c', ' blanks ', 'x # no comment ; none', '!sh -c "echo $1" -', 'a\tb\nc', 'ü'];
  values.forEach((value, index) =>
    execFileSync('git', ['config', '--file', join(host.home, '.gitconfig'), `alias."s\\ ${index}".x`, value]),
  );
  host.write('more', '');
  const found = [...(await sent())].slice(0, -1);
  assert.equal(
    found.map(([, value]) => value),
    values,
  );
  assert.is(found[0]![0], 'alias."s\\ 0".x');
});

for (const [key, value] of [
  ['credential.helper', 'store'],
  ['credential.https://x.helper', '!gh auth'],
  ['core.hooksPath', 'hooks'],
  ['commit.gpgSign', 'true'],
  ['tag.gpgSign', 'true'],
  ['user.signingKey', 'ABC'],
  ['gpg.format', 'ssh'],
  ['gpg.ssh.program', 'op-ssh-sign'],
  ['core.sshCommand', 'ssh -i x'],
  ['core.editor', 'code --wait'],
  ['core.pager', 'delta'],
  ['filter.lfs.process', 'git-lfs filter-process'],
  ['diff.external', 'difft'],
  ['url.git@github.com:.insteadOf', 'https://github.com/'],
  ['url.ssh://git@github.com/.insteadOf', 'https://github.com/'],
  ['url.ssh://git@github.com/.pushInsteadOf', 'https://github.com/'],
  ['url.https://u:canary@github.com/.insteadOf', 'https://github.com/'],
  ['url.https://canary@github.com/.pushInsteadOf', 'https://github.com/'],
  ['credential.https://u:canary@x.helper', 'store'],
  ['http.proxy', 'http://localhost:8080'],
  ['http.https://x.extraHeader', 'Authorization: Basic secret'],
  ['http.sslCAInfo', '/etc/x'],
  ['init.templateDir', '~/x'],
  ['commit.template', '/home/u/x'],
  ['safe.directory', '/home/u/work'],
  ['some.thing', '~/x'],
  ['alias.x', '!/home/u/bin/x'],
  ['alias.y', '!"/home/u/my bin/y" -v'],
  ['merge.verifySignatures', 'true'],
  ['pull.verifySignatures', 'true'],
  ['paude.backend', 'podman'],
  ['branch.a.b.remote', 'origin'],
  ['uploadpack.packObjectsHook', 'git-cached-pack'],
  ['core.gitProxy', 'tunnel'],
] as const) {
  test(`${key} stays, and it is said why`, async () => {
    execFileSync('git', ['config', '--file', join(host.home, '.gitconfig'), key, value]);
    assert.equal([...(await sent()).keys()], ['include.path']);
    const rows = [...(await left())];
    assert.is(rows.length, 1);
    assert.ok(rows[0]![1].length > 0);
    assert.not.match(rows.join(), 'canary');
  });
}

for (const [key, value] of [
  ['user.email', 'a@x'],
  ['pull.rebase', 'true'],
  ['url.https://github.com/.insteadOf', 'gh:'],
  ['alias.st', 'status'],
  ['merge.conflictStyle', 'zdiff3'],
  ['color.ui', 'auto'],
  ['branch.sort', '-committerdate'],
  ['branch.autoSetupRebase', 'always'],
] as const) {
  test(`${key} goes`, async () => {
    execFileSync('git', ['config', '--file', join(host.home, '.gitconfig'), key, value]);
    assert.ok([...(await sent()).values()].includes(value));
  });
}

test('what is included by a condition goes where that holds', async () => {
  execFileSync('git', ['init', '-q', host.home]);
  execFileSync('git', ['-C', host.home, 'remote', 'add', 'o', 'https://example.com/a/b']);
  const condition = (url: string) => `[includeIf "hasconfig:remote.*.url:${url}"]\n\tpath = ~/more\n`;
  host.write('more', '[user]\n\temail = work@x\n');
  host.write('.gitconfig', condition('https://example.com/**'));
  assert.is((await sent()).get('user.email'), 'work@x');
  host.write('.gitconfig', condition('https://example.org/**'));
  assert.is((await sent()).get('user.email'), undefined);
  assert.equal([...(await left()).values()], ['what it includes goes itself, where its condition holds']);
});

test('what the repository, the system or a command’s own settings say is not the user’s', async () => {
  execFileSync('git', ['init', '-q', host.home]);
  execFileSync('git', ['-C', host.home, 'config', 'alias.mine', 'status']);
  host.write('.gitconfig', '[alias]\n\ttheirs = status\n');
  host.env['GIT_CONFIG_COUNT'] = '1';
  host.env['GIT_CONFIG_KEY_0'] = 'alias.once';
  host.env['GIT_CONFIG_VALUE_0'] = 'status';
  assert.equal([...(await sent()).keys()], ['alias.theirs', 'include.path']);
});

test('what git ignores everywhere goes, from where the configuration says', async () => {
  host.write('.config/git/ignore', 'one');
  assert.equal(
    (await planGit(host)).going.map(({ to, from }) => [to, from]),
    [['home/.config/git/ignore', '~/.config/git/ignore']],
  );
  host.write('mine', 'two');
  host.write('.gitconfig', '[core]\n\texcludesFile = ~/mine\n');
  assert.is((await planGit(host)).going[0]!.from, '~/mine');
});

test('without any, nothing goes', async () => assert.equal(await planGit(host), { going: [], staying: [] }));

test.run();
