import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import * as assert from 'uvu/assert';
import { suite } from '../harness/suite.ts';
import { gitWorld, until, type GitWorld } from './git-world.ts';

const test = suite('helper');
let world: GitWorld;
let number = 0;

test.before(async () => {
  world = await gitWorld();
  await world.repository('work');
});
test.after(() => world.remove());

/** A session's name that no other test has, and its URL. */
function fresh(): { name: string; url: string } {
  const name = `session-${++number}`;
  return { name, url: `paude://podman/${name}` };
}

/** A session that holds main and runs. */
async function landed(): Promise<string> {
  const { url } = fresh();
  await world.must('work', ['push', '-q', url, 'main']);
  return url;
}

const headOf = (where: string, revision = 'main') => world.must(where, ['rev-parse', revision]);
const refs = async (url: string) => (await world.must('work', ['ls-remote', url])).split('\n');

test('a push creates, starts and lands; ls-remote and clone find it', async () => {
  const url = await landed();
  const head = await headOf('work');
  assert.equal(await refs(url), [`${head}\tHEAD`, `${head}\trefs/heads/main`]);
  await world.must('.', ['clone', '-q', url, 'clone']);
  assert.is(await headOf('clone'), head);
  assert.is(await readFile(join(world.folder, 'clone', 'file'), 'utf8'), 'one\n');
});

test('a first push that is soon over says nothing of its own, nor does --quiet', async () => {
  const { url } = fresh();
  const first = await world.git('work', ['push', url, 'main']);
  assert.is(first.code, 0);
  assert.not.match(first.stderr, /paude: there is no session/);
  assert.is((await world.git('work', ['push', '-q', fresh().url, 'main'])).stderr, '');
});

test('credentials that don’t arrive beside a push are a warning, and the next one brings them', async () => {
  const { url } = fresh();
  const failing = { PAUDE_TEST_SYNC: 'the credentials did not reach the session' };
  const pushed = await world.git('work', ['push', url, 'main'], failing);
  assert.is(pushed.code, 0);
  assert.match(
    pushed.stderr,
    'paude: warning: the session has none of your credentials yet: the credentials did not reach the session',
  );
  assert.equal(await refs(url), [
    `${await headOf('work')}\tHEAD`,
    `${await headOf('work')}\trefs/heads/main`,
  ]);
  await world.must('work', ['push', url, 'main:again']);
  const later = await world.git('work', ['push', url, 'main:later'], failing);
  assert.is(later.code, 0);
  assert.not.match(later.stderr, 'warning');
});

/** A session of which is told what was done in it. */
function logged(more: NodeJS.ProcessEnv) {
  const { url, name } = fresh();
  const log = join(world.folder, `${name}.log`);
  const env = { ...more, PAUDE_TEST_LOG: log };
  const git = (...args: readonly string[]) => world.git('work', args, env);
  const said = async () => {
    const text = await readFile(log, 'utf8').catch(() => '');
    await rm(log, { force: true });
    return text.split('\n').filter(Boolean);
  };
  return { url, name, log, git, said };
}

test('where there is no network to be proved, a push into a session that was made again by itself brings credentials', async () => {
  const { url, name, git, said } = logged({});
  await git('push', url, 'main');
  assert.equal(await said(), ['start', 'sync']);
  // As another pod has it.
  await rm(join(world.sessions, name, 'run/adopted-config'));
  for (const [args, ...done] of [
    [['ls-remote', url]],
    [['push', url, 'main:late'], 'sync'],
    [['push', url, 'main:later']],
  ] as const) {
    const { code, stderr } = await git(...args);
    assert.is(code, 0, stderr);
    assert.equal(await said(), done, args.join(' '));
    assert.not.match(stderr, /^paude: /m);
  }
});

test('in a session that was made again by itself nothing is run for git before its network is proved; a push brings credentials, too', async () => {
  const { url, name, log, git, said } = logged({ PAUDE_TEST_FILTERED: '1' });
  await git('push', url, 'main');
  assert.equal(await said(), ['start', 'sync']);
  await git('push', url, 'main:other');
  assert.equal(await said(), []);
  // What the agent has left there, git runs.
  const program = join(world.folder, 'program');
  await writeFile(program, `#!/bin/sh\necho ran >>'${log}'\n`, { mode: 0o755 });
  const workspace = join(relative(world.folder, world.sessions), name, 'volume/workspace');
  await world.must(workspace, ['config', 'core.fsmonitor', program]);
  // As another pod has it.
  const again = async () => {
    for (const mark of ['proved', 'adopted-config'])
      await rm(join(world.sessions, name, 'run', mark), { force: true });
  };
  for (const [args, ...done] of [
    [['push', url, 'main:late'], 'start', 'sync'],
    [['ls-remote', url], 'start'],
    [['archive', '--remote', url, 'main'], 'start'],
  ] as const) {
    await again();
    const { code, stderr } = await git(...args);
    assert.is(code, 0, stderr);
    assert.equal((await said()).slice(0, done.length), done);
    assert.match(stderr, `paude: the session ${name} was made again by itself; its network is proved`);
  }
});

test('a push with nothing to do', async () => {
  const url = await landed();
  const again = await world.git('work', ['push', url, 'main']);
  assert.is(again.code, 0);
  assert.match(again.stderr, 'Everything up-to-date');
});

test('fetch, clone and ls-remote of a missing session fail, with our sentence alone, and create nothing', async () => {
  await landed();
  for (const args of [['fetch'], ['ls-remote'], ['clone']]) {
    const { name, url } = fresh();
    const where = args[0] === 'clone' ? '.' : 'work';
    const outcome = await world.git(where, [...args, url]);
    assert.is(outcome.code, 128);
    assert.match(outcome.stderr, new RegExp(`paude: there is no session ${name}; there are: .*session-1\\b`));
    assert.not.match(outcome.stderr, 'fatal');
    assert.ok(!existsSync(join(world.sessions, name)));
  }
});

test('protocol versions 0, 1 and 2', async () => {
  const url = await landed();
  for (const version of ['0', '1', '2']) {
    const env = { PAUDE_TEST_PROTOCOL: version, GIT_TRACE_PACKET: '1' };
    const outcome = await world.git('work', ['-c', `protocol.version=${version}`, 'ls-remote', url], env);
    assert.is(outcome.code, 0, outcome.stderr);
    assert.is(/< version 2/.test(outcome.stderr), version === '2');
    await world.must('.', ['clone', '-q', url, `clone-v${version}`], { PAUDE_TEST_PROTOCOL: version });
  }
});

test('--force-with-lease, --atomic, tags, deletions and push options', async () => {
  const url = await landed();
  const head = await headOf('work');
  await world.must('work', ['tag', '-f', '-a', '-m', 'x', 'v1']);
  await world.must('work', ['push', '-q', '--atomic', '-o', 'ci.skip', url, 'v1', 'main:other']);
  assert.ok((await refs(url)).some((row) => row.endsWith('refs/tags/v1^{}')));
  const older = await world.must('work', ['commit-tree', '-m', 'apart', `${head}^{tree}`]);
  const stale = await world.git('work', [
    'push',
    `--force-with-lease=other:${older}`,
    url,
    `${older}:refs/heads/other`,
  ]);
  assert.is(stale.code, 1);
  assert.match(stale.stderr, 'stale info');
  const half = await world.git('work', ['push', '--atomic', url, `${older}:refs/heads/main`, 'main:third']);
  assert.is(half.code, 1);
  assert.not.ok((await refs(url)).some((row) => row.endsWith('refs/heads/third')));
  await world.must('work', [
    'push',
    '-q',
    `--force-with-lease=other:${head}`,
    url,
    `${older}:refs/heads/other`,
  ]);
  await world.must('work', ['push', '-q', url, ':other', ':v1']);
  // What was on the deleted branch alone is kept where it can be fetched.
  const left = (await refs(url)).filter((row) => !row.includes('refs/paude/autosave/'));
  assert.equal(left, [`${head}\tHEAD`, `${head}\trefs/heads/main`]);
});

test('--dry-run, of which git tells no helper, creates and starts, and moves no ref', async () => {
  const { name, url } = fresh();
  const tried = await world.git('work', ['push', '--dry-run', url, 'main']);
  assert.is(tried.code, 0, tried.stderr);
  assert.match(tried.stderr, /\[new branch\]/);
  assert.ok(existsSync(join(world.sessions, name)));
  assert.is(await world.must('work', ['ls-remote', url]), '');
  // What is then landed is not in the way of anything that the try has left.
  await world.must('work', ['push', '-q', url, 'main']);
  assert.is((await refs(url)).length, 2);
});

test('--depth, --filter and archive --remote', async () => {
  const url = await landed();
  await world.must('.', ['clone', '-q', '--depth=1', url, `${number}-shallow`]);
  await world.must('.', ['clone', '-q', '--filter=blob:none', '--no-checkout', url, `${number}-partial`]);
  assert.match(
    await world.must(`${number}-partial`, ['rev-list', '--objects', '--missing=print', 'main']),
    /^\?/m,
  );
  await world.must(`${number}-partial`, ['checkout', '-q', 'main']);
  const archive = await world.must('work', ['archive', `--remote=${url}`, 'main', 'file']);
  assert.match(archive, 'one\n');
});

test('a SHA-256 repository', async () => {
  await world.repository('sha256', '--object-format=sha256');
  const { url } = fresh();
  await world.must('sha256', ['push', '-q', url, 'main'], { PAUDE_TEST_FORMAT: 'sha256' });
  await world.must('.', ['clone', '-q', url, 'sha256-clone']);
  assert.is(await headOf('sha256-clone'), await headOf('sha256'));
});

test('two pushes at once that must create make one session, and both land', async () => {
  const { url } = fresh();
  const pushes = ['main', 'main:second'].map((refspec) => world.git('work', ['push', '-q', url, refspec]));
  for (const outcome of await Promise.all(pushes)) assert.is(outcome.code, 0, outcome.stderr);
  assert.is((await refs(url)).filter((row) => row.includes('refs/heads/')).length, 2);
});

test('autoStart decides what may wake', async () => {
  const { name, url } = fresh();
  const never = { PAUDE_TEST_AUTOSTART: 'never' };
  const refused = await world.git('work', ['push', url, 'main'], never);
  assert.is(refused.code, 128);
  assert.match(refused.stderr, `paude: the session ${name} is missing, and paude.autoStart is never`);
  assert.match(refused.stderr, `paude: hint: git paude create ${name}`);
  assert.ok(!existsSync(join(world.sessions, name)));
  await world.must('work', ['push', '-q', url, 'main'], { PAUDE_TEST_AUTOSTART: 'push' });
  await world.must('work', ['ls-remote', url], never);
});

test('a push that is not allowed creates nothing and lands nothing', async () => {
  const forbid = { PAUDE_TEST_FORBID: '1' };
  const { name, url } = fresh();
  const refused = await world.git('work', ['push', url, 'main'], forbid);
  assert.is(refused.code, 128);
  assert.is(refused.stderr, 'paude: it is not trusted\npaude: hint: git paude trust\n');
  assert.ok(!existsSync(join(world.sessions, name)));
  const running = await landed();
  assert.is((await world.git('work', ['push', running, 'main:new'], forbid)).code, 128);
  assert.is((await refs(running)).length, 2);
  assert.is((await world.git('work', ['ls-remote', running], forbid)).code, 0);
});

test('hostile URLs do nothing, and show no control characters', async () => {
  const mark = join(world.folder, 'harmed');
  const hostile = [
    'paude::--upload-pack=x',
    `paude::$(touch ${mark})`,
    'paude::name',
    'paude://name',
    'paude://podman/a/../b',
    'paude://podman/a%00b',
    'paude://podman/%1b[2Ja',
    'paude://podman/-rf',
    'paude://podman/a%2e%2e',
    'paude://podman/a?x=y',
    'paude::podman/a\x1b[2J',
    'paude://kubernetes/c/n',
  ];
  for (const url of hostile) {
    for (const command of [
      ['ls-remote', url],
      ['push', url, 'main'],
    ]) {
      const outcome = await world.git('work', command);
      assert.is(outcome.code, 128, url);
      assert.match(outcome.stderr, /paude: /);
      assert.not.match(outcome.stderr, '\x1b');
      assert.not.match(outcome.stderr, /\n +at /);
    }
  }
  assert.not.ok(existsSync(mark));
});

test('--upload-pack and --receive-pack name no program of a session', async () => {
  const url = await landed();
  const outcome = await world.git('work', ['ls-remote', '--upload-pack=touch harmed', url]);
  assert.is(outcome.code, 0);
  assert.match(outcome.stderr, 'setting remote service path not supported');
});

test('a refused push keeps what git said about it', async () => {
  const url = await landed();
  const apart = await world.must('work', ['commit-tree', '-m', 'apart', 'main^{tree}']);
  const outcome = await world.git('work', ['push', url, `${apart}:refs/heads/main`]);
  assert.is(outcome.code, 1);
  assert.match(outcome.stderr, 'rejected');
  assert.not.match(outcome.stderr, 'ended with');
});

test('nothing of all this is still running', async () => {
  await writeFile(join(world.folder, 'work', 'done'), '');
  await until('no git and no helper runs', async () =>
    (await world.processes()).every(({ command }) => !/receive-pack|upload-pack|helper\.mjs/.test(command)),
  );
});

test.run();
