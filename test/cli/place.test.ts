import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { keys, manager } from '../../lib/backends/kubernetes/objects.ts';
import { objectStore, type Store, type StoredObject } from '../backends/kubernetes/object-store.ts';
import { suite } from '../harness/suite.ts';

/** The programs as users run them, and an API server: which session a command means, and which its hints do. */
const test = suite('place');
const programOf = (name: string) => fileURLToPath(new URL(`../../bin/${name}.ts`, import.meta.url));
const tsx = import.meta.resolve('tsx');
let root: string;
let repository: string;
let store: Store;
let env: NodeJS.ProcessEnv;

test.before.each(async () => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'paude-place-')));
  repository = join(root, 'repository');
  store = await objectStore();
  // Without Podman: who works on clusters need not have it.
  const bin = join(root, 'bin');
  mkdirSync(bin);
  symlinkSync(execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim(), join(bin, 'git'));
  for (const name of ['git-paude', 'git-remote-paude'])
    writeFileSync(
      join(bin, name),
      `#!/bin/sh\nexec '${process.execPath}' --import '${tsx}' '${programOf(name)}' "$@"\n`,
      { mode: 0o755 },
    );
  env = { PATH: bin, HOME: join(root, 'home'), KUBECONFIG: join(root, 'config'), GIT_CONFIG_NOSYSTEM: '1' };
  mkdirSync(env['HOME']!);
  contexts('here');
  execFileSync('git', ['init', '-q', '-b', 'main', repository]);
});
test.after.each(async () => {
  await store[Symbol.asyncDispose]();
  rmSync(root, { recursive: true, force: true });
});

/** Contexts of the one server, the first the current one, all in the namespace a. */
function contexts(...names: readonly string[]): void {
  const config = {
    'current-context': names[0],
    clusters: [{ name: 'one', cluster: { server: store.cluster.connection.server.href } }],
    users: [{ name: 'ada', user: { token: 'secret' } }],
    contexts: names.map((name) => ({ name, context: { cluster: 'one', user: 'ada', namespace: 'a' } })),
  };
  writeFileSync(env['KUBECONFIG']!, JSON.stringify(config));
}

const sets = (namespace: string) => `/apis/apps/v1/namespaces/${namespace}/statefulsets`;

function session(namespace: string, name: string, owner = 'ada'): void {
  const description = { agent: 'claude', agentArgs: [], packages: [], yolo: false, allowNetwork: true };
  const metadata = {
    name: `paude-${name}`,
    labels: { [keys.managedBy]: manager, [keys.session]: name, [keys.component]: 'session' },
    annotations: {
      [keys.spec]: JSON.stringify({ name, description, image: 'an-image' }),
      [keys.ownerName]: owner,
    },
  };
  store.put(sets(namespace), { kind: 'StatefulSet', metadata, spec: { replicas: 0 } } as StoredObject);
}

const isThere = (namespace: string, name: string) => store.objects.has(`${sets(namespace)}/paude-${name}`);

/** Asynchronously: the server is in this process. */
async function run(command: string, more: NodeJS.ProcessEnv = {}, cwd = repository) {
  const child = spawn('/bin/sh', ['-c', command], { cwd, env: { ...env, ...more }, stdio: 'pipe' });
  child.stdin.end();
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number]>,
  ]);
  return { code, stdout, stderr };
}

const onCluster = { PAUDE_BACKEND: 'kubernetes' };
const hintOf = (stderr: string) => /^(?:paude: )?hint: (.*)$/m.exec(stderr)?.[1] ?? '';
const remember = (...lines: readonly object[]) => {
  mkdirSync(join(env['HOME']!, '.config/paude'), { recursive: true });
  const stored = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  writeFileSync(join(env['HOME']!, '.config/paude/places.jsonl'), stored);
};
const remembered = () => {
  const file = join(env['HOME']!, '.config/paude/places.jsonl');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
};

test('what a delete hints at deletes the session that was meant, and none of its name elsewhere', async () => {
  session('a', 'x');
  session('b', 'x');
  execFileSync('git', ['remote', 'add', 'paude-x', 'paude://kubernetes/here/a/x'], { cwd: repository });
  const asked = await run('git paude delete x --namespace=b', onCluster);
  assert.is(asked.code, 2, asked.stderr);
  assert.match(asked.stderr, 'this would remove: the session x with its volume in here/b\n');
  const hint = hintOf(asked.stderr);
  assert.is(
    hint,
    'git paude delete x --backend=kubernetes --kubernetes-context=here --namespace=b --confirm',
  );
  const pasted = await run(hint);
  assert.is(pasted.code, 0, pasted.stderr);
  assert.ok(isThere('a', 'x'));
  assert.not.ok(isThere('b', 'x'));
});

test('a delete that somebody else’s or another description stands in the way of hints at the same place', async () => {
  session('a', 'x');
  session('b', 'x', 'bob');
  execFileSync('git', ['remote', 'add', 'paude-x', 'paude://kubernetes/here/a/x'], { cwd: repository });
  const place = '--backend=kubernetes --kubernetes-context=here --namespace=b';
  const bobs = await run('git paude delete x --namespace=b --confirm', onCluster);
  assert.is(hintOf(bobs.stderr), `git paude delete x ${place} --confirm --not-mine`);
  for (const [flags, variables] of [
    ['--namespace=b', onCluster],
    // Made where the settings say, deleted where the remote says: with no flag at all.
    ['', { ...onCluster, PAUDE_OPENSHIFT_NAMESPACE: 'b' }],
  ] as const) {
    const differs = await run(`git paude create x --yolo ${flags}`, variables);
    assert.match(differs.stderr, 'described otherwise');
    assert.is(
      hintOf(differs.stderr),
      `use another name, or remove it first: git paude delete x ${place} --confirm`,
    );
  }
});

test('every hint says again the place that flags have named, and only then', async () => {
  const named = await run('git paude stop gone --namespace=b', onCluster);
  assert.is(
    hintOf(named.stderr),
    'git paude create gone --backend=kubernetes --kubernetes-context=here --namespace=b',
  );
  const connect = await run('git paude connect x', onCluster);
  assert.is(hintOf(connect.stderr), 'git paude start x --detach, or git paude exec x -- COMMAND');
  const none = await run('git paude list --backend=openshift --namespace=b');
  assert.is(none.stderr, 'there is no session; next: git paude create --backend=kubernetes --namespace=b\n');
});

test('git’s own commands say the place of a session that was named by URL, and nothing that git does not take', async () => {
  const push = (to: string) => run(`git push ${to} HEAD`, { PAUDE_TEST: '' });
  const config = ['-c', 'user.name=A', '-c', 'user.email=a@b', 'commit', '-q', '--allow-empty', '-m', 'x'];
  execFileSync('git', config, { cwd: repository });
  execFileSync('git', ['config', 'paude.autoStart', 'never'], { cwd: repository });
  const url = 'paude://kubernetes/here/b/x';
  const place = '--backend=kubernetes --kubernetes-context=here --namespace=b';
  execFileSync('git', ['remote', 'add', 'paude-x', url], { cwd: repository });
  assert.is(hintOf((await push(url)).stderr), `git paude create x ${place}`);
  const moved = 'paude://kubernetes/nowhere/b/x';
  execFileSync('git', ['remote', 'set-url', 'paude-x', moved], { cwd: repository });
  const byUrl = await push(moved);
  assert.match(byUrl.stderr, 'the kubeconfig has no context nowhere; there are: here');
  assert.is(hintOf(byUrl.stderr), 'kubectl config get-contexts');
  assert.is(
    hintOf((await push('paude-x')).stderr),
    'kubectl config get-contexts, and git remote set-url paude-x paude://kubernetes/CONTEXT/b/x',
  );
});

test('a place that flags have named is remembered by whatever was done there: remote add finds what list has shown', async () => {
  session('b', 'x');
  const listed = await run('git paude list --backend=openshift --namespace=b', {}, root);
  assert.match(listed.stdout, /^x\tcreated\t/);
  const added = await run('git paude remote add x');
  assert.is(added.code, 0, added.stderr);
  const url = execFileSync('git', ['remote', 'get-url', 'paude-x'], { cwd: repository, encoding: 'utf8' });
  assert.is(url, 'paude://kubernetes/here/b/x\n');
  remember();
  const stopped = await run('git paude stop x --backend=openshift --namespace=b', {}, root);
  assert.is(stopped.code, 0, stopped.stderr);
  assert.is(remembered(), '{"context":"here","namespace":"b"}\n');
});

test('where a command failed is not remembered, nor what no flag has named', async () => {
  session('a', 'x');
  const failed = await run('git paude stop x --backend=openshift --namespace=b', {}, root);
  assert.is(failed.code, 1);
  assert.is((await run('git paude list', onCluster, root)).code, 0);
  assert.is(remembered(), '');
});

test('a session that two contexts show is one', async () => {
  contexts('here', 'again');
  session('a', 'x');
  remember({ context: 'here', namespace: 'a' }, { context: 'again', namespace: 'a' });
  const listed = await run('git paude list', onCluster, root);
  assert.match(listed.stdout, /^x\tcreated\t.*\there\/a\tada\n$/);
  assert.is((await run('git paude stop x', onCluster, root)).code, 0);
  // A name that is in two namespaces is two sessions.
  session('b', 'x');
  remember({ context: 'again', namespace: 'b' });
  assert.match((await run('git paude stop x', onCluster, root)).stderr, 'there is more than one session x');
});

test('a namespace that is none is refused wherever it stands, before anything is asked', async () => {
  const none = /"\.\.\/\.\.\/x" is not the name of a namespace/;
  const list = 'git paude list --backend=kubernetes';
  const flag = await run(`${list} --namespace=../../x`);
  assert.is(flag.code, 2);
  assert.match(flag.stderr, none);
  assert.match(hintOf(flag.stderr), 'openshift-namespace: the namespace of the sessions');
  assert.match((await run(`${list} --namespace=R4_none`)).stderr, '"R4_none" is not the name of a namespace');
  const variable = await run(list, { PAUDE_OPENSHIFT_NAMESPACE: '../../x' });
  assert.is(variable.code, 1);
  assert.match(variable.stderr, none);
  const file = env['KUBECONFIG']!;
  writeFileSync(file, readFileSync(file, 'utf8').replace('"namespace":"a"', '"namespace":"../../x"'));
  const context = await run(list);
  assert.match(context.stderr, /the context here names a namespace that is none: "\.\.\/\.\.\/x"\n/);
  assert.is(hintOf(context.stderr), 'kubectl config set-context here --namespace=NAME');
  remember({ context: 'here', namespace: '../../x' });
  assert.match((await run('git paude list', {}, root)).stderr, 'it is not a place');
  assert.equal(store.asked, []);
});

test('a proxy of the environment that is none is named by its variable, without what may be a password', async () => {
  const list = 'git paude list --backend=kubernetes';
  const server = 'https://api.example.com';
  writeFileSync(
    env['KUBECONFIG']!,
    readFileSync(env['KUBECONFIG']!, 'utf8').replace(/http:[^"]*/, () => server),
  );
  for (const HTTPS_PROXY of ['http://', 'http://ada:hush@proxy:port', 'http://ada:hush%zz@proxy']) {
    const { code, stderr } = await run(list, { HTTPS_PROXY });
    assert.is(code, 1);
    assert.is(
      stderr,
      'paude: HTTPS_PROXY is not the URL of a proxy\nhint: HTTPS_PROXY=http://HOST:PORT, or unset HTTPS_PROXY\n',
    );
  }
});

test('contexts of any name stand in hints as a shell takes them', async () => {
  contexts('my ctx');
  session('a', 'x');
  const asked = await run('git paude delete x', onCluster, root);
  const pasted = await run(hintOf(asked.stderr), {}, root);
  assert.is(pasted.code, 0, `${hintOf(asked.stderr)}: ${pasted.stderr}`);
  assert.not.ok(isThere('a', 'x'));
});

test.run();
