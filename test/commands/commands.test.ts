import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { Context } from '../../lib/commands/command.ts';
import { PaudeError } from '../../lib/errors.ts';
import { createApp } from '../../lib/app.ts';
import { helperPorts } from '../../lib/helper-ports.ts';
import { sessionName, type SessionName } from '../../lib/names.ts';
import type { Backend } from '../../lib/session/backend.ts';
import type { Session } from '../../lib/session/session.ts';
import { noNetwork } from '../harness/no-network.ts';
import { suite } from '../harness/suite.ts';
import { World } from './world.ts';

const test = suite('commands');
let world: World;

test.before.each(() => {
  world = new World();
});
test.after.each(() => world.end());

const unreachable = async () => {
  throw new PaudeError('BACKEND_UNREACHABLE', 'podman does not answer', { hint: 'podman info' });
};

const missing = async () => {
  throw new PaudeError('BACKEND_MISSING', 'podman is not on the PATH');
};

const inTeam = (name: SessionName) =>
  ({ backend: 'kubernetes', context: 'dev', namespace: 'team', name }) as const;

/** The same sessions, which say that they are in a namespace of a cluster. */
function onCluster(backend: Backend): Backend {
  const there = <T extends Session | undefined>(session: T) =>
    session && { ...session, location: inTeam(session.location.name) };
  return {
    ...backend,
    name: 'kubernetes',
    locate: inTeam,
    create: async (...args) => there(await backend.create(...args)),
    get: async (...args) => there(await backend.get(...args)),
  };
}

test('create names the session after the folder, adds the remote, and says what is next', async () => {
  const made = await world.paude('create');
  assert.is(made.code, 0, made.stderr);
  assert.is(made.stdout, 'my-repo\n');
  assert.match(made.stderr, /the network of the session is open/);
  assert.match(made.stderr, /next: git push paude-my-repo HEAD\n$/);
  assert.is(world.git('remote', 'get-url', 'paude-my-repo'), 'paude://podman/my-repo');
  assert.is(world.git('config', 'remote.paude-my-repo.skipFetchAll'), 'true');
  const next = await world.paude('create');
  assert.is(next.stdout, 'my-repo-2\n');
});

test('the push that is said to be next is one that git can do: before the first commit, and with no branch', async () => {
  world.git('checkout', '-q', '--detach');
  for (const verb of [['create'], ['remote', 'add']])
    assert.match(
      (await world.paude(...verb, 'x')).stderr,
      /next: git push paude-x HEAD:refs\/heads\/BRANCH\n$/,
    );
  world.git('checkout', '-q', '--orphan', 'new');
  for (const verb of [['create'], ['remote', 'add']])
    assert.match((await world.paude(...verb, 'x')).stderr, /next: git commit, then git push paude-x HEAD\n$/);
});

test('create again: the same says so, another names the differences and changes nothing', async () => {
  await world.paude('create', '007', '--memory=1Gi');
  const same = await world.paude('create', '007', '--memory=1Gi');
  assert.is(same.code, 0);
  assert.match(same.stderr, /there already/);
  const other = await world.paude('create', '007', '--memory=2Gi', '--yolo');
  assert.is(other.code, 1);
  assert.match(other.stderr, /memory is "1Gi", asked for "2Gi"; yolo is false, asked for true/);
  const kept = await world.backend.get(sessionName('007'), new AbortController().signal);
  assert.is(kept?.description.memory, '1Gi');
});

test('what only a cluster can honour is refused as a flag, and left out where the environment has it', async () => {
  const refused = await world.paude('create', 'x', '--pvc-size=50Gi');
  assert.is(refused.code, 2);
  assert.match(refused.stderr, /--pvc-size means nothing to sessions on Podman/);
  world.env['PAUDE_PVC_SIZE'] = '50Gi';
  const made = await world.paude('create', 'x');
  assert.is(made.code, 0, made.stderr);
  assert.match(
    made.stderr,
    /^PAUDE_PVC_SIZE: pvc-size means nothing to sessions on Podman: it is left out$/m,
  );
  const kept = await world.backend.get(sessionName('x'), new AbortController().signal);
  assert.is(kept?.description.pvcSize, undefined);
  delete world.env['PAUDE_PVC_SIZE'];
  assert.is((await world.paude('create', 'x')).code, 0, 'it is the same session without');
});

test('create where the remote is taken: the session is said to be there, and the remote is left', async () => {
  world.git('remote', 'add', 'paude-x', 'https://example.com/x');
  const made = await world.paude('create', 'x');
  assert.is(made.code, 1);
  assert.match(made.stderr, /the session x is created\n[^]*the remote paude-x is there already/);
  assert.is(world.git('remote', 'get-url', 'paude-x'), 'https://example.com/x');
});

test('a name that is none is refused before anything is asked, with one that would do', async () => {
  const refused = await world.paudeIn(world.repository, { backend: unreachable }, 'create', 'Fix_Auth');
  assert.is(refused.code, 2);
  assert.match(refused.stderr, /fix-auth/);
});

test('start off a terminal runs it, stop stops it, list shows it', async () => {
  await world.paude('create', 'x', '--yolo');
  assert.match(
    (await world.paude('list')).stdout,
    /^x\tcreated\t\d+s\tan-image\tclaude\tyes\topen\tpodman\ttest\n$/,
  );
  assert.match((await world.paude('start')).stderr, /the session x runs; next: git paude connect x\n$/);
  assert.is(JSON.parse((await world.paude('list', '--json')).stdout)[0].state, 'running');
  assert.match((await world.paude('stop', 'x')).stderr, /its files are kept\n$/);
  const connect = await world.paude('connect', 'x');
  assert.is(connect.code, 1);
  assert.match(connect.stderr, /connect needs a terminal/);
});

test('list of nothing, and of a backend that does not answer', async () => {
  const none = await world.paude('list');
  assert.is(none.code, 0);
  assert.is(none.stdout, '');
  assert.is((await world.paude('list', '--json')).stdout, '[]\n');
  const down = await world.paudeIn(world.repository, { backend: unreachable }, 'list', '--json');
  assert.is(down.code, 1);
  assert.is(down.stdout, '');
});

/** Of one who works on a cluster now, which has a session `far`, and has made `near` with Podman before. */
async function onClusterNow(podman: () => Promise<Backend>): Promise<Partial<Context>> {
  await world.paude('create', 'near');
  world.env['PAUDE_BACKEND'] = 'openshift';
  const [session] = await world.backend.list(new AbortController().signal);
  const far = { backend: 'kubernetes', context: 'c', namespace: 'n', name: sessionName('far') } as const;
  const cluster: Backend = {
    ...world.backend,
    locate: (name) => ({ ...far, name }),
    get: async (name) => (name === far.name ? { ...session!, location: far } : undefined),
    list: async () => [{ ...session!, location: far }],
  };
  return { backend: async (place) => (place?.backend === 'podman' ? podman() : cluster) };
}

test('sessions on Podman are found where a cluster has become the default', async () => {
  const otherwise = await onClusterNow(async () => world.backend);
  const listed = await world.paudeIn(world.root, otherwise, 'list');
  assert.match(listed.stdout, /^far\t.*\tc\/n\ttest\nnear\t.*\tpodman\ttest\n$/);
  const started = await world.paudeIn(world.root, otherwise, 'start', 'near', '--detach');
  assert.is(started.code, 0, started.stderr);
  const both = await world.paudeIn(world.root, otherwise, 'stop');
  assert.match(both.stderr, /there is more than one session: far, near/);
});

test('where Podman has been removed since, that is named, and the rest is told', async () => {
  const otherwise = await onClusterNow(missing);
  const listed = await world.paudeIn(world.root, otherwise, 'list');
  assert.is(listed.code, 0);
  assert.match(listed.stdout, /^far\t[^\n]*\n$/);
  assert.is(listed.stderr, 'Podman is not installed here, so it has no sessions\n');
});

test('who has used Podman alone has it asked once, and misses it where it is gone', async () => {
  await world.paude('create', 'x');
  let asked = 0;
  const backend = async () => ({ ...world.backend, list: async () => (asked++, world.backend.list(signal)) });
  const { signal } = new AbortController();
  assert.match((await world.paudeIn(world.root, { backend }, 'list')).stdout, /^x\t/);
  assert.is(asked, 1);
  const without = async () => ({ ...world.backend, list: missing });
  const gone = await world.paudeIn(world.root, { backend: without }, 'list');
  assert.is(gone.code, 1);
  assert.match(gone.stderr, /podman is not on the PATH/);
});

test('where nothing can be remembered, sessions on Podman are made all the same', async () => {
  mkdirSync(join(world.root, '.config/paude/places.jsonl'), { recursive: true });
  const made = await world.paude('create', 'x');
  assert.is(made.code, 0, made.stderr);
  assert.not.match(made.stderr, /remembered/);
  // There it is looked for without a flag, but not where the default is another.
  world.env['PAUDE_BACKEND'] = 'kubernetes';
  const elsewhere = await world.paude('create', 'y', '--backend=podman');
  assert.is(elsewhere.code, 0, elsewhere.stderr);
  assert.match(elsewhere.stderr, /^podman is not remembered: .* only with --backend=podman$/m);
});

test('where nothing can be remembered, every verb for a session on a cluster says so once and goes on', async () => {
  // Root may write everywhere, but not below a file; so a test shows what a read-only home is for others.
  writeFileSync(join(world.root, '.config'), '');
  const backend = async () => onCluster(world.backend);
  const said =
    /^dev\/team is not remembered: \S+\.config\/paude\/places\.jsonl can't be written: ENOTDIR\b.*; where no remote names it, a session there is found only with --backend=kubernetes --kubernetes-context=dev --namespace=team$/gm;
  for (const argv of [
    ['create', 'x'],
    ['start', 'x', '--detach', '--no-sync'],
    ['remote', 'add', 'x'],
  ]) {
    const { code, stderr } = await world.paudeIn(world.repository, { backend }, ...argv);
    assert.is(code, 0, stderr);
    assert.is(stderr.match(said)?.length, 1, stderr);
  }
  assert.match(world.git('remote'), /paude-x/);
});

test('the push that makes a session on a cluster goes on, too, where that can’t be remembered', async () => {
  writeFileSync(join(world.root, '.config'), '');
  const notices: string[] = [];
  const app = { ...createApp(new Map(), world.env), ...noNetwork, pullSecret: () => undefined };
  const ports = helperPorts({
    ...app,
    backend: async () => onCluster(world.backend),
    ensureImage: () => async () => 'localhost/an-image',
    ensureProxyImage: () => noNetwork.ensureProxyImage,
  });
  await ports.create(
    inTeam(sessionName('x')),
    (event) => event.type === 'notice' && notices.push(event.text),
    new AbortController().signal,
  );
  assert.match(notices.join('\n'), /^dev\/team is not remembered: /m);
  assert.ok(await world.backend.get(sessionName('x'), new AbortController().signal));
});

test('delete without --confirm says what it would remove; with it, only what is of this very session', async () => {
  await world.paude('create', 'x');
  await world.paude('create', 'y');
  world.git('remote', 'add', 'short', 'paude::podman/x');
  world.git('remote', 'add', 'other', 'https://example.com/x');
  const asked = await world.paude('delete', 'x');
  assert.is(asked.code, 2);
  assert.match(asked.stderr, /would remove: the session x .*paude-x.*short\n/);
  assert.not.match(asked.stderr, /other|paude-y/);
  assert.is(world.git('remote'), 'other\npaude-x\npaude-y\nshort');
  const done = await world.paude('delete', 'x', '--confirm');
  assert.is(done.code, 0, done.stderr);
  assert.is(world.git('remote'), 'other\npaude-y');
  assert.match((await world.paude('list')).stdout, /^y\t[^\n]*\n$/);
  const gone = await world.paude('delete', 'x', '--confirm');
  assert.is(gone.code, 1);
  assert.match(gone.stderr, /there is no session x; there are: y/);
});

test('a second delete of what is gone removes the remotes that are still here, and only those of that place', async () => {
  await world.paude('create', 'x');
  world.git('remote', 'add', 'elsewhere', 'paude://kubernetes/work/there/x');
  const remove = async (name: SessionName, signal: AbortSignal) => {
    await world.backend.remove(name, signal);
    throw new PaudeError('NOT_REMOVED', 'of the session x there is left: a pod (it is still going)');
  };
  const slow = { backend: async () => ({ ...world.backend, remove }) };
  const args = ['delete', 'x', '--backend=podman'];
  assert.is((await world.paudeIn(world.repository, slow, ...args, '--confirm')).code, 1);
  assert.is(world.git('remote'), 'elsewhere\npaude-x');
  const asked = await world.paude(...args);
  assert.is(asked.code, 2);
  assert.match(asked.stderr, /this would remove: the git remote paude-x\n/);
  const done = await world.paude(...args, '--confirm');
  assert.is(done.code, 0, done.stderr);
  assert.match(done.stderr, /the session x was gone already; removed: the remote paude-x\n/);
  assert.is(world.git('remote'), 'elsewhere');
  assert.is((await world.paude(...args, '--confirm')).code, 1);
});

/** The backend of the world with its starts and stops counted, and something otherwise. */
function counted(otherwise: Partial<Backend>) {
  const did: string[] = [];
  const start: Backend['start'] = (...args) => {
    did.push('start');
    return (otherwise.start ?? world.backend.start)(...args);
  };
  const stop: Backend['stop'] = (...args) => {
    did.push('stop');
    return world.backend.stop(...args);
  };
  return { did, context: { backend: async () => ({ ...world.backend, ...otherwise, start, stop }) } };
}

test('a look before a delete leaves what was on its way running, and what was stopped stopped', async () => {
  const name = sessionName('x');
  const { signal } = new AbortController();
  await world.paude('create', 'x');
  for await (const _ of world.backend.start(name, signal));
  const get: Backend['get'] = async () => ({
    ...(await world.backend.get(name, signal))!,
    state: 'starting',
  });
  // It is started from elsewhere meanwhile.
  const start: Backend['start'] = async function* () {
    yield { text: 'waiting for the pod' };
  };
  const coming = counted({ get, start });
  const asked = await world.paudeIn(world.repository, coming.context, 'delete', 'x');
  assert.is(asked.code, 2, asked.stderr);
  assert.not.match(asked.stderr, /could not be looked at/);
  assert.equal(coming.did, ['start']);
  await world.backend.stop(name, signal);
  const stopped = counted({});
  assert.is((await world.paudeIn(world.repository, stopped.context, 'delete', 'x')).code, 2);
  assert.equal(stopped.did, ['start', 'stop']);
});

test('somebody else’s session is not even started to be looked at', async () => {
  const name = sessionName('x');
  const { signal } = new AbortController();
  await world.paude('create', 'x');
  for await (const _ of world.backend.start(name, signal));
  await world.backend.stop(name, signal);
  const theirs = counted({ whoami: async () => 'bob' });
  for (const [flags, hint] of [
    [[], 'git paude delete x --not-mine'],
    [['--confirm'], 'git paude delete x --confirm --not-mine'],
  ] as const) {
    const { code, stderr } = await world.paudeIn(world.repository, theirs.context, 'delete', 'x', ...flags);
    assert.is(code, 2);
    assert.match(stderr, `the session x is test's, and you are bob\nhint: ${hint}\n`);
  }
  assert.equal(theirs.did, []);
  const looked = await world.paudeIn(world.repository, theirs.context, 'delete', 'x', '--not-mine');
  assert.is(looked.code, 2);
  assert.match(looked.stderr, 'hint: git paude delete x --confirm --not-mine\n');
  assert.equal(theirs.did, ['start', 'stop']);
});

test('remote add: before the session is there, again, and where the name is taken', async () => {
  const first = await world.paude('remote', 'add', 'x');
  assert.is(first.code, 0, first.stderr);
  assert.match(first.stderr, /the first push creates it/);
  const again = await world.paude('remote', 'add', 'x');
  assert.is(again.code, 0);
  assert.match(again.stderr, /there already/);
  world.git('remote', 'set-url', 'paude-x', 'https://example.com/x');
  const taken = await world.paude('remote', 'add', 'x');
  assert.is(taken.code, 1);
  assert.match(taken.stderr, /example\.com/);
  const outside = await world.paudeIn(world.root, {}, 'remote', 'add', 'x');
  assert.is(outside.code, 1);
  assert.match(outside.stderr, /not in a git repository/);
});

test('remote add where the backend does not answer changes nothing', async () => {
  const backend = async () => ({ ...world.backend, get: unreachable });
  const refused = await world.paudeIn(world.repository, { backend }, 'remote', 'add', 'x');
  assert.is(refused.code, 1);
  assert.is(world.git('remote'), '');
});

test('list says what stands in the way of a session, beside the table', async () => {
  await world.paude('create', 'x');
  const [session] = await world.backend.list(new AbortController().signal);
  const failed = { ...session!, state: 'failed', reason: 'Back-off pulling image "y"' } as const;
  const backend = async () => ({ ...world.backend, list: async () => [failed] });
  const { code, stdout, stderr } = await world.paudeIn(world.root, { backend }, 'list');
  assert.is(code, 0);
  assert.match(stdout, /^x\tfailed\t[^\n]*\n$/);
  assert.is(stderr, 'the session x is failed: Back-off pulling image "y"\n');
});

test('of several remotes of sessions of one name none is removed, but the one that has that very name itself', async () => {
  const [a, b] = ['paude://kubernetes/c/a/x', 'paude://kubernetes/c/b/x'];
  world.git('remote', 'add', 'first', a);
  world.git('remote', 'add', 'second', b);
  const refused = await world.paude('remote', 'remove', 'x');
  assert.is(refused.code, 1);
  assert.match(refused.stderr, 'there is more than one remote of a session x: first, second');
  assert.is(world.git('remote'), 'first\nsecond');
  world.git('remote', 'add', 'x', 'paude://podman/y');
  assert.is((await world.paude('remote', 'remove', 'x')).code, 0);
  assert.is(world.git('remote'), 'first\nsecond');
  assert.is((await world.paude('remote', 'remove', 'second')).code, 0);
  assert.is(world.git('remote'), 'first');
});

test('remote list and remove', async () => {
  await world.paude('remote', 'add', 'x');
  world.git('remote', 'add', 'origin', 'https://example.com/x');
  assert.is((await world.paude('remote', 'list')).stdout, 'paude-x\tpaude://podman/x\n');
  assert.is((await world.paude('remote', 'remove', 'origin')).code, 1);
  assert.is((await world.paude('remote', 'remove', 'x')).code, 0);
  assert.is(world.git('remote'), 'origin');
});

test('remote cleanup removes what is gone, and nothing where the backend can not be asked', async () => {
  await world.paude('create', 'here');
  await world.paude('remote', 'add', 'gone');
  const list = { backend: async () => ({ ...world.backend, list: unreachable }) };
  const down = await world.paudeIn(world.repository, list, 'remote', 'cleanup');
  assert.is(down.code, 1);
  assert.is(world.git('remote'), 'paude-gone\npaude-here');
  const done = await world.paude('remote', 'cleanup');
  assert.is(done.code, 0);
  assert.is(world.git('remote'), 'paude-here');
  assert.match((await world.paude('remote', 'cleanup')).stderr, /none is removed/);
});

test('a remote with a hostile name is shown, and moves no cursor', async () => {
  world.git('config', 'remote.e\u001b[31mvil.url', 'paude://podman/B');
  const { stderr } = await world.paude('remote', 'list');
  assert.match(stderr, /e\\x1b\[31mvil is left out/);
  assert.not.match(stderr, /\u001b/);
});

test('exec without a command says how it is written', async () => {
  const { code, stderr } = await world.paude('exec', 'x');
  assert.is(code, 2);
  assert.match(stderr, /git paude exec NAME -- COMMAND/);
});

test('what a repository asks for stops create until it is trusted, as it then is', async () => {
  const file = join(world.repository, '.paude.json');
  assert.match((await world.paude('trust')).stderr, /there is no \.paude\.json/);
  writeFileSync(file, '{ "packages": ["jq"], /* and */ "memory": "1Gi" }');
  const refused = await world.paude('create', 'x');
  assert.is(refused.code, 1);
  assert.match(refused.stderr, /needs your consent: packages\nhint: .*git paude trust/);
  assert.is((await world.paude('trust', '--show')).stdout, 'packages\t["jq"]\n');
  assert.is((await world.paude('create', 'x')).code, 1, 'showing is not trusting');
  assert.is((await world.paude('trust')).code, 0);
  assert.is((await world.paude('create', 'x')).code, 0);
  assert.match((await world.paude('config')).stdout, /^memory\t1Gi\trepository /m);
  writeFileSync(file, '{ "packages": ["jq", "vim"] }');
  assert.is((await world.paude('create', 'x')).code, 1);
});

test('trust --show shows the containerfile, so that nobody allows what was not seen', async () => {
  writeFileSync(join(world.repository, 'Tools'), 'RUN make\u001b[2K\u202e\n');
  writeFileSync(join(world.repository, '.paude.json'), '{ "containerfile": "Tools" }');
  const { stdout } = await world.paude('trust', '--show');
  assert.is(stdout, 'containerfile\t"Tools"\n\nTools:\nRUN make\\x1b[2K\\u202e\n');
});

test('outside a repository git’s configuration of the user still counts', async () => {
  world.git('config', '--global', 'paude.memory', '3Gi');
  const { stdout } = await world.paudeIn(world.root, {}, 'config');
  assert.match(stdout, /^memory\t3Gi\tgit config paude\.memory$/m);
});

test('config prints each value and where it came from', async () => {
  const rows = (await world.paude('config')).stdout;
  assert.match(rows, /^backend\tpodman\tfallback$/m);
  const json = JSON.parse((await world.paude('config', '--json', '--backend=podman')).stdout);
  assert.equal(
    json.find((row: { key: string }) => row.key === 'backend'),
    { key: 'backend', value: 'podman', source: 'flag', name: '--backend' },
  );
});

test.run();
