import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { PaudeError } from '../../lib/errors.ts';
import { suite } from '../harness/suite.ts';
import { World } from './world.ts';

const test = suite('sync and hooks');
let world: World;
test.before.each(() => void (world = new World()));
test.after.each(() => world.end());

const write = (path: string, text: string) => {
  mkdirSync(join(world.root, path, '..'), { recursive: true });
  writeFileSync(join(world.root, path), text);
};
const inHome = (session: string, path: string) =>
  readFileSync(join(world.root, 'sessions', session, 'home', path), 'utf8');
const hook = () => join(world.repository, '.git/hooks/post-checkout');

test('--dry-run lists every file with its size and why, sends nothing, and shows nothing that is in them', async () => {
  write('.claude/CLAUDE.md', 'secret');
  write('.claude/history.jsonl', 'secret!');
  write('.gitconfig', '[credential]\n\thelper = secret-helper\n');
  world.env['ANTHROPIC_API_KEY'] = 'secret';
  const { code, stdout, stderr } = await world.paude('sync', '--dry-run');
  assert.is(code, 0, stderr);
  const rows = stdout.split('\n').map((row) => row.split('\t'));
  const row = (file: string) => rows.find((one) => one[3] === file);
  assert.equal(row('~/.claude/CLAUDE.md'), [
    'goes',
    'config',
    '6',
    '~/.claude/CLAUDE.md',
    "the agent's configuration",
  ]);
  assert.equal(row('~/.claude/history.jsonl')?.slice(0, 3), ['stays', '', '7']);
  assert.equal(row('~/.gitconfig: credential.helper')?.[0], 'stays');
  assert.equal(row('$ANTHROPIC_API_KEY')?.slice(0, 3), ['goes', 'login', '6']);
  assert.not.match(stdout + stderr, 'secret');
});

test('--dry-run tells of what only its content keeps at home', async () => {
  const login = '{"claudeAiOauth":{"accessToken":"secret","refreshToken":"secret"}}';
  write('.claude/.credentials.json', login);
  write('.claude/accounts/work', login);
  write('.claude.json', '{"half');
  write('.config/gcloud/application_default_credentials.json', '');
  const { stdout } = await world.paude('sync', '--dry-run');
  const rows = stdout.split('\n').map((row) => row.split('\t'));
  const row = (file: string) => {
    const [goes, , , , why] = rows.find((one) => one[3] === file) ?? [];
    return [goes, why];
  };
  assert.equal(row('~/.claude/.credentials.json')[0], 'goes');
  assert.equal(row('~/.claude/accounts/work'), ['stays', "it holds what renews the agent's login"]);
  const half = ['stays', "it can't be read as JSON; the session's old copy stays"];
  assert.equal(row('~/.claude.json'), half);
  assert.equal(row('~/.config/gcloud/application_default_credentials.json'), half);
  write('.claude/.credentials.json', '{"mcpOAuth":{}}');
  const out = await world.paude('sync', '--dry-run');
  assert.match(out.stdout, /^stays\t\t\d+\t~\/.claude\/.credentials.json\tthere is no login in it$/m);
});

test('sync brings what lives shortly, --full the rest, to each session that is named', async () => {
  world.env['ANTHROPIC_API_KEY'] = 'key';
  write('.claude/CLAUDE.md', 'one');
  for (const name of ['a', 'b']) {
    assert.is((await world.paude('create', name)).code, 0);
    assert.is((await world.paude('start', name)).code, 0);
  }
  write('.claude/CLAUDE.md', 'two');
  write('.config/gcloud/x', 'token');
  const synced = await world.paude('sync', 'a', 'b');
  assert.match(synced.stderr, 'the session a has your credentials now');
  assert.equal([inHome('a', '.config/gcloud/x'), inHome('b', '.config/gcloud/x')], ['token', 'token']);
  assert.is(inHome('a', '.claude/CLAUDE.md'), 'one');
  await world.paude('sync', 'a', '--full');
  assert.is(inHome('a', '.claude/CLAUDE.md'), 'two');
  assert.match((await world.paude('sync', 'a')).stderr, 'nothing was sent');
  // One that can't be reached does not keep the others from it.
  await world.paude('stop', 'a');
  write('.config/gcloud/x', 'newer');
  const partly = await world.paude('sync', 'a', 'b');
  assert.is(partly.code, 1);
  assert.match(partly.stderr, 'the session a is stopped');
  assert.is(inHome('b', '.config/gcloud/x'), 'newer');
});

test('without a login, sync says one thing: what the session has, and where a login was looked for', async () => {
  write('.gitconfig', '[alias]\n\tx = y\n');
  assert.is((await world.paude('create', 'a')).code, 0);
  assert.is((await world.paude('start', 'a')).code, 0);
  const said = async (...args: string[]) => {
    const { code, stderr } = await world.paude('sync', 'a', ...args);
    assert.is(code, 0, stderr);
    // The places that were looked in are indented below it; steps end in an ellipsis.
    const sentences = stderr.split('\n').filter((line) => !/^$|^ {2}|…$/.test(line));
    assert.is(sentences.length, 1, stderr);
    assert.match(stderr, /\n {2}\$ANTHROPIC_API_KEY: not set; export ANTHROPIC_API_KEY=…\n/);
    return sentences[0]!;
  };
  const missing = 'and there is no login that claude could use in the session. Looked in:';
  assert.is(await said(), `the session a has all of yours already, ${missing}`);
  write('.gitconfig', '[alias]\n\tx = z\n');
  assert.is(await said('--full'), `the session a has all of yours now, ${missing}`);
  write('.config/gcloud/application_default_credentials.json', '{}');
  assert.match((await world.paude('sync', 'a')).stderr, 'the session a has your credentials now\n');
});

test('the hook is offered once, and the answer is remembered', async () => {
  const asked: string[] = [];
  const answering = (answer: boolean | undefined) => ({
    ask: async (question: string) => {
      asked.push(question);
      return answer;
    },
  });
  // Nobody is there: nothing is decided.
  await world.paudeIn(world.repository, answering(undefined), 'create', 'a');
  assert.not.ok(existsSync(hook()));
  await world.paudeIn(world.repository, answering(false), 'create', 'b');
  await world.paudeIn(world.repository, answering(true), 'remote', 'add', 'c');
  assert.is(asked.length, 2);
  assert.not.ok(existsSync(hook()));
  world.git('config', '--unset', 'paude.hook');
  await world.paudeIn(world.repository, answering(true), 'remote', 'add', 'd');
  assert.ok(existsSync(hook()));
  await world.paudeIn(world.repository, answering(true), 'remote', 'add', 'e');
  assert.is(asked.length, 3);
});

test('install, status and uninstall say what there is', async () => {
  assert.equal((await world.paude('hooks', 'status')).code, 1);
  assert.is((await world.paude('hooks', 'install')).code, 0);
  const { code, stdout } = await world.paude('hooks', 'status');
  assert.is(code, 0);
  assert.equal(stdout.split('\n').slice(0, 3), ['installed', `hook: ${hook()}`, 'it has not run yet']);
  assert.match((await world.paude('hooks', 'uninstall')).stderr, 'the hook is removed');
  assert.not.ok(existsSync(hook()));
  writeFileSync(hook(), '#!/bin/sh\n');
  const refused = await world.paude('hooks', 'install');
  assert.is(refused.code, 1);
  assert.match(refused.stderr, "which is not git-paude's");
});

test('install says what becomes of a hook that was kept before', async () => {
  for (const name of ['a', 'b']) {
    mkdirSync(join(hook(), '..'), { recursive: true });
    writeFileSync(hook(), `#!/bin/sh\n: ${name}\n`);
    const { code, stderr } = await world.paude('hooks', 'install', '--chain');
    assert.is(code, 0, stderr);
    if (name === 'a') assert.not.match(stderr, 'before-git-paude');
    else assert.match(stderr, `does not run any more, and is now ${hook()}.before-git-paude.1\n`);
  }
});

for (const place of ['/dev/null', '/dev/null/hooks']) {
  test(`hooks in ${place}: install says why it can't, there is none to uninstall, and create does not offer it`, async () => {
    world.git('config', 'core.hooksPath', place);
    const { code, stderr } = await world.paude('hooks', 'install');
    assert.is(code, 1);
    assert.match(stderr, `the hook can't be changed: ${place}/post-checkout: ${place} is not a folder\n`);
    assert.match(stderr, `ls -ld ${place}; git config --show-origin --get core.hooksPath\n`);
    const removed = await world.paude('hooks', 'uninstall');
    assert.is(removed.code, 0, removed.stderr);
    assert.match(removed.stderr, 'there is no hook of git-paude');
    world.git('config', '--unset', 'paude.hook');
    const ask = async () => assert.unreachable('it is offered') as never;
    const created = await world.paudeIn(world.repository, { ask }, 'create', 'a');
    assert.is(created.code, 0, created.stderr);
    assert.match(created.stderr, 'next: git push paude-a HEAD\n');
  });
}

test('hooks in a folder where nobody may write: install says so', async () => {
  world.git('config', 'core.hooksPath', '/sys');
  const { code, stderr } = await world.paude('hooks', 'install');
  assert.is(code, 1);
  assert.match(
    stderr,
    /the hook can't be changed: \/sys\/post-checkout: E[A-Z]+: .*\nhint: ls -ld \/sys; git config /,
  );
});

test('where the hook that was offered can’t be installed after all, create goes on and does not ask again', async () => {
  let asked = 0;
  const failing = {
    ask: async () => ++asked > 0,
    installHook: async () => {
      throw new PaudeError('HOOK_UNWRITABLE', "the hook can't be changed: /x: no space", {
        hint: 'ls -ld /x',
      });
    },
  };
  for (const name of ['a', 'b']) {
    const { code, stderr } = await world.paudeIn(world.repository, failing, 'create', name);
    assert.is(code, 0, stderr);
    assert.match(stderr, `next: git push paude-${name} HEAD\n`);
    if (name === 'a')
      assert.match(stderr, "the hook can't be changed: /x: no space; git paude hooks install");
  }
  assert.is(asked, 1);
});

test('what the hook runs refreshes running sessions only, and its log stays short', async () => {
  for (const name of ['a', 'b']) await world.paude('create', name);
  await world.paude('start', 'a');
  world.env['ANTHROPIC_API_KEY'] = 'from a shell';
  await world.paude('sync', 'a');
  delete world.env['ANTHROPIC_API_KEY'];
  write('.config/gcloud/x', 'token');
  const log = join(world.repository, '.git/paude/hook.log');
  mkdirSync(join(log, '..'), { recursive: true });
  writeFileSync(log, 'an old line\n'.repeat(20_000));
  writeFileSync(join(world.repository, '.paude.json'), '{"backend":"kubernetes","openshift-context":"evil"}');
  assert.equal(await world.paude('hooks', 'run'), { code: 0, stdout: '', stderr: '' });
  assert.is(inHome('a', '.config/gcloud/x'), 'token');
  // What a shell alone can say is not taken away by a hook, which has none.
  const key = join(world.root, 'sessions/a/credentials/login/keys/ANTHROPIC_API_KEY');
  assert.is(readFileSync(key, 'utf8'), 'from a shell');
  assert.ok(statSync(log).size < 65_536);
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  assert.match(lines.at(-2)!, /paude:\/\/podman\/a: sent$/);
  assert.match(lines.at(-1)!, /paude:\/\/podman\/b: not running \(created\)$/);
  assert.is((await world.backend.get('b' as never, new AbortController().signal))?.state, 'created');
});

test('a login that is caught half written stays in the session as it was, and the hook’s log says so', async () => {
  const token = (value: string) => `{"claudeAiOauth":{"accessToken":"${value}"}}`;
  write('.claude/.credentials.json', token('first'));
  await world.paude('create', 'a');
  await world.paude('start', 'a');
  write('.claude/.credentials.json', token('second').slice(0, -8));
  await world.paude('hooks', 'run');
  assert.match(inHome('a', '.claude/.credentials.json'), 'first');
  const log = readFileSync(join(world.repository, '.git/paude/hook.log'), 'utf8');
  const why = "it can't be read as a login; the session's old copy stays";
  assert.match(log, `paude://podman/a: incomplete; ~/.claude/.credentials.json stays: ${why}\n`);
  write('.claude/.credentials.json', token('second'));
  await world.paude('hooks', 'run');
  assert.match(inHome('a', '.claude/.credentials.json'), 'second');
});

test('what only a shell says of where things are, the hook takes from the shell that the session has them from', async () => {
  const token = (value: string) => `{"claudeAiOauth":{"accessToken":"${value}"}}`;
  write('.claude/.credentials.json', token('of another account'));
  write('.config/gcloud/x', 'of another account');
  write('else/claude/.credentials.json', token('first'));
  write('else/gcloud/x', 'first');
  write('else/key.json', '{"key":"first"}');
  const shell = {
    CLAUDE_CONFIG_DIR: join(world.root, 'else/claude'),
    CLOUDSDK_CONFIG: join(world.root, 'else/gcloud'),
    GOOGLE_APPLICATION_CREDENTIALS: join(world.root, 'else/key.json'),
    XDG_CONFIG_HOME: join(world.root, 'else'),
  };
  await world.paude('create', 'a');
  Object.assign(world.env, shell);
  await world.paude('start', 'a');
  const leave = () => Object.keys(shell).forEach((name) => delete world.env[name]);
  leave();
  write('else/claude/.credentials.json', token('second'));
  write('else/gcloud/x', 'second');
  write('else/key.json', '{"key":"second"}');
  await world.paude('hooks', 'run');
  const logins = [
    '.claude/.credentials.json',
    '.config/gcloud/x',
    '.config/gcloud/google-application-credentials.json',
  ];
  for (const path of logins) assert.match(inHome('a', path), 'second', path);
  const remembered = join(world.root, '.local/state/paude/shells');
  for (const file of readdirSync(remembered)) assert.is(statSync(join(remembered, file)).mode & 0o777, 0o600);
  // Who syncs from another shell means that one's.
  await world.paude('sync', 'a');
  await world.paude('hooks', 'run');
  assert.match(inHome('a', '.claude/.credentials.json'), 'of another account');
  assert.is(inHome('a', '.config/gcloud/x'), 'of another account');
  // A hook that has a shell means its own.
  Object.assign(world.env, shell);
  await world.paude('hooks', 'run');
  leave();
  assert.is(inHome('a', '.config/gcloud/x'), 'second');
  // It goes with the session.
  assert.is((await world.paude('delete', 'a', '--confirm')).code, 0);
  assert.equal(readdirSync(remembered), []);
});

test('what is remembered of the shell can’t be removed: the session is removed all the same, and that is said', async () => {
  await world.paude('create', 'a');
  write('.local/state/paude/shells', 'no folder');
  const { code, stderr } = await world.paude('delete', 'a', '--confirm');
  rmSync(join(world.root, '.local/state/paude/shells'));
  assert.equal([code, existsSync(join(world.root, 'sessions/a'))], [0, false], stderr);
  assert.match(stderr, /^what is remembered of your shell for it is left: ENOTDIR/m);
  assert.match(stderr, /^the session a is removed/m);
});

test('a hook without the shell sends nothing that is there already, and nothing that connect then has to send again', async () => {
  const outcome = () => readFileSync(join(world.repository, '.git/paude/hook.log'), 'utf8').trimEnd();
  const hooked = async (shell: NodeJS.ProcessEnv, expected: string) => {
    Object.assign(world.env, shell);
    await world.paude('hooks', 'run');
    assert.match(outcome(), new RegExp(`: ${expected}$`));
    for (const name of Object.keys(shell)) delete world.env[name];
  };
  const synced = async (shell: NodeJS.ProcessEnv) => {
    Object.assign(world.env, shell);
    const { stderr } = await world.paude('sync', 'a');
    for (const name of Object.keys(shell)) delete world.env[name];
    return stderr;
  };
  const key = () =>
    readFileSync(join(world.root, 'sessions/a/credentials/login/keys/ANTHROPIC_API_KEY'), 'utf8');
  write('.config/gcloud/x', 'first');
  write('key.json', '{}');
  await world.paude('create', 'a');
  await world.paude('start', 'a');
  const shell = {
    ANTHROPIC_API_KEY: 'k',
    ANTHROPIC_MODEL: 'm',
    GOOGLE_APPLICATION_CREDENTIALS: join(world.root, 'key.json'),
  };
  assert.match(await synced(shell), 'has your credentials now');
  await hooked({}, 'same');
  assert.match(await synced(shell), 'nothing was sent');
  write('.config/gcloud/x', 'second');
  await hooked({}, 'sent');
  assert.match(await synced(shell), 'nothing was sent');
  // Some of the shell is not all of it.
  await hooked({ ANTHROPIC_API_KEY: 'another' }, 'same');
  assert.is(key(), 'k');
  // In such a shell, it is a sync like any other.
  await hooked({ ...shell, ANTHROPIC_API_KEY: 'new' }, 'sent');
  assert.is(key(), 'new');
  assert.is(inHome('a', '.config/gcloud/x'), 'second');
});

test.run();
