import { once } from 'node:events';
import { appendFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { ownClusterSkip } from '../harness/cluster-parts.ts';
import { suite } from '../harness/suite.ts';
import { kubectl, writeKubeconfig } from './cluster-admin.ts';
import { onPlainCluster, onRestrictedCluster, type Ground } from './ground.ts';
import { PersonTerminal } from './person-terminal.ts';
import { until, World, type Outcome } from './world.ts';

/** Where a session is looked for, who contacts what, and the same sessions from other machines and other people. */
const test = suite('journey: places');
const it = test.skipIf(ownClusterSkip);
/** A person of whom nothing is known but the kubeconfig and the image. */
const { PAUDE_IMAGE, PAUDE_PROXY_IMAGE } = onPlainCluster.env;
const newcomer: Ground = {
  ...onPlainCluster,
  env: { KUBECONFIG: onPlainCluster.env['KUBECONFIG'], PAUDE_IMAGE, PAUDE_PROXY_IMAGE },
};
let world: World;
let away: string;

test.before(() => {
  if (ownClusterSkip !== undefined) return;
  world = new World(newcomer);
  away = join(world.root, 'away');
  // Without Podman: who works on clusters need not have it.
  const bin = join(world.root, 'little');
  mkdirSync(bin);
  for (const program of ['git', 'git-paude', 'git-remote-paude', 'node', 'sh', 'env'])
    symlinkSync(world.run('sh', ['-c', `command -v ${program}`]).stdout.trim(), join(bin, program));
  Object.assign(newcomer.env, { PATH: bin });
  mkdirSync(away);
});
test.after(() => {
  if (ownClusterSkip !== undefined) return;
  for (const { env } of [onPlainCluster, onRestrictedCluster])
    for (const name of ['found', 'twice', 'bobs'].map(world.session))
      world.run('git', ['paude', 'delete', name, '--confirm', '--not-mine', '--backend=kubernetes'], away, {
        ...env,
        PATH: newcomer.env['PATH'],
      });
  world.end();
});

/** Outside of every repository, where no remote says which session is meant. */
const outside = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Outcome =>
  world.run('git', ['paude', ...args], away, { PATH: newcomer.env['PATH'], ...env });

it('a cluster that nobody has named is not contacted', async () => {
  let connections = 0;
  const listener = createServer((socket) => {
    connections++;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const KUBECONFIG = writeKubeconfig(join(world.root, 'watched'), 'certificate', ({ clusters }) => {
    clusters[0]!.cluster['server'] = `https://127.0.0.1:${port}`;
  });
  // Asynchronously, for the listener is in this process.
  const run = async (...args: string[]) => {
    const child = world.start('git', ['paude', ...args], { KUBECONFIG, PATH: newcomer.env['PATH']! });
    child.stdin!.end();
    child.stdout!.resume();
    child.stderr!.resume();
    return (await once(child, 'close'))[0] as number;
  };
  for (const args of [['list'], ['start', 'any', '--detach'], ['stop'], ['remote', 'list'], ['config']])
    await run(...args);
  assert.is(connections, 0);
  // The same listener hears of it when it is named.
  assert.is(await run('list', '--backend=openshift'), 1);
  assert.ok(connections > 0);
  listener.close();
});

it('without a flag a session is found where the user has used one, and nothing is skipped in silence', () => {
  const name = world.session('found');
  const created = outside(['create', name, '--backend=openshift']);
  assert.is(created.code, 0, created.stderr);
  const started = outside(['start', name, '--detach']);
  assert.is(started.code, 0, started.stderr);
  assert.match(started.stderr, /Podman is not installed here/);
  const listed = outside(['list']);
  assert.is(listed.code, 0, listed.stderr);
  assert.match(listed.stdout, new RegExp(`^${name}\trunning\t.*\tplain/paude-plain\talice$`, 'm'));
  // With a default that has no Podman either, the same: the user's own words are not guessed away.
  const asked = outside(['list'], { PAUDE_BACKEND: 'podman' });
  assert.is(asked.code, 1);
  assert.match(asked.stdout, new RegExp(`^${name}\t`, 'm'));
  assert.match(asked.stderr, /the default backend can't be asked:\n[^]*podman is not on the PATH/);
  assert.is(outside(['exec', name, '--', 'true']).code, 0);
});

it('a used place that can’t be reached is named, and the rest is told', () => {
  const KUBECONFIG = writeKubeconfig(join(world.root, 'half'), 'certificate', (config) => {
    config.clusters.push({ name: 'gone', cluster: { server: 'https://127.0.0.1:1' } });
    config.contexts.push({ name: 'gone', context: { ...config.contexts[0]!.context, cluster: 'gone' } });
  });
  const places = join(world.home, '.config/paude/places.jsonl');
  appendFileSync(places, '{"context":"gone","namespace":"there"}\n');
  const { code, stdout, stderr } = outside(['list'], { KUBECONFIG });
  assert.is(code, 1);
  assert.match(stdout, new RegExp(`^${world.session('found')}\trunning\t`, 'm'));
  assert.match(stderr, /gone\/there can't be asked:\n.*the API server of gone can't be reached/);
  const exec = outside(['exec', world.session('found'), '--', 'echo', 'it runs'], { KUBECONFIG });
  assert.is(exec.stdout, 'it runs\n');
  assert.match(exec.stderr, /gone\/there can't be asked/);
  rmSync(places);
  outside(['start', world.session('found'), '--detach', '--backend=openshift']);
});

it('of two matches both are listed, with the flags that tell them apart, and both can be remotes', () => {
  const name = world.session('twice');
  for (const context of ['plain', 'restricted'])
    assert.is(outside(['create', name, '--backend=openshift', `--openshift-context=${context}`]).code, 0);
  const both = outside(['stop', name]);
  assert.is(both.code, 1);
  assert.match(
    both.stderr,
    /more than one session \S+: \S+ in plain\/paude-plain, \S+ in restricted\/paude-rest/,
  );
  const flags = /or (--backend=\S+ --kubernetes-context=restricted --namespace=\S+)/.exec(both.stderr)![1]!;
  assert.is(outside(['stop', name, ...flags.split(' ')]).code, 0);
  const url = (context: string) => `paude://kubernetes/${context}/paude-${context}/${name}`;
  world.git('remote', 'add', 'one', url('plain'));
  world.git('remote', 'add', 'two', url('restricted'));
  world.commit('in two', 'x');
  for (const remote of ['one', 'two']) {
    const pushed = world.git('push', '-q', remote, 'main');
    assert.is(pushed.code, 0, pushed.stderr);
  }
  const inRepository = world.paude('exec', name, '--', 'true');
  assert.is(inRepository.code, 1);
  assert.match(inRepository.stderr, /the remotes of this repository name more than one session/);
  const head = world.paude('exec', name, ...flags.split(' '), '--', 'git', 'rev-parse', 'HEAD');
  assert.is(head.stdout, world.git('rev-parse', 'HEAD').stdout);
  assert.is(world.git('fetch', '-q', '--multiple', 'one', 'two').code, 0);
});

it('from another machine, with nothing but the kubeconfig: list, remote add, clone, pull, exec', () => {
  const name = world.session('found');
  assert.is(world.git('push', '-q', onPlainCluster.url(name), 'main').code, 0);
  const [HOME, clone] = [join(world.root, 'other home'), join(world.root, 'second clone')];
  mkdirSync(HOME);
  const there = (cwd: string, program: string, ...args: string[]) =>
    world.run(program, args, cwd, { HOME, PATH: newcomer.env['PATH'] });
  assert.is(there(world.root, 'git', 'clone', '-q', world.repository, clone).code, 0);
  assert.match(
    there(clone, 'git', 'paude', 'list', '--backend=openshift').stdout,
    new RegExp(`^${name}\trunning\t`, 'm'),
  );
  // What list has shown is found from then on.
  const added = there(clone, 'git', 'paude', 'remote', 'add', name);
  assert.is(added.code, 0, added.stderr);
  assert.is(
    there(clone, 'git', 'remote', 'get-url', `paude-${name}`).stdout,
    `paude://kubernetes/plain/paude-plain/${name}\n`,
  );
  const work = 'git config user.name A && git config user.email a@b && git commit -q --allow-empty -m there';
  assert.is(there(clone, 'git', 'paude', 'exec', name, '--', 'sh', '-c', work).code, 0);
  const pulled = there(clone, 'git', 'pull', '-q', `paude-${name}`, 'main');
  assert.is(pulled.code, 0, pulled.stderr);
  assert.is(there(clone, 'git', 'log', '-1', '--format=%s').stdout, 'there\n');
  // From then on this home knows the place, too.
  assert.match(there(clone, 'git', 'paude', 'list').stdout, new RegExp(`^${name}\t`, 'm'));
});

it('from another machine and by another person: connect, both to the one session', async () => {
  const name = world.session('found');
  const at = (home: string, repository: string, env: NodeJS.ProcessEnv) => {
    const HOME = join(world.root, home);
    mkdirSync(HOME, { recursive: true });
    const PATH = `${newcomer.env['PATH']}:/usr/bin:/bin`;
    return { root: world.root, repository, env: { ...world.env, PATH, ...env, HOME } };
  };
  const key = { ANTHROPIC_API_KEY: 'sk-ant-nobodys' };
  const alice = new PersonTerminal(
    at('other home', join(world.root, 'second clone'), {}),
    `git paude connect ${name}`,
    key,
  );
  const bob = new PersonTerminal(
    at('bob', away, { ...onRestrictedCluster.env, PAUDE_OPENSHIFT_CONTEXT: 'plain' }),
    `git paude connect ${name}`,
    key,
  );
  try {
    const clients = () => outside(['exec', name, '--', 'tmux', 'list-clients']).stdout;
    await until(clients, (text) => text.split('\n').length === 3);
    alice.keys('C-b', 'c');
    alice.type('echo "typed by alice: $((40+2))"');
    await until(bob.screen, (text) => text.includes('typed by alice: 42'));
    bob.type('echo "typed by bob: $((40+3))"');
    await until(alice.screen, (text) => text.includes('typed by bob: 43'));
    bob.detach();
    await until(bob.screen, (text) => /ended with 0/.test(text));
    // It is hers, so nothing of his was sent.
    assert.match(bob.screen(), /is alice's: nothing of your credentials is sent there/);
    assert.is(clients().split('\n').length, 2);
    alice.detach();
    await until(alice.screen, (text) => /ended with 0/.test(text));
  } finally {
    for (const person of [alice, bob]) person.end();
  }
});

it('whose a session is: shown by list, a hash in the label, and asked for before a delete', () => {
  const name = world.session('bobs');
  const bob = { ...onRestrictedCluster.env, PAUDE_OPENSHIFT_CONTEXT: 'plain' };
  assert.is(outside(['create', name], bob).code, 0);
  const flags = ['--backend=openshift'];
  assert.match(outside(['list', ...flags]).stdout, new RegExp(`^${name}\tcreated\t.*\tbob$`, 'm'));
  const object = JSON.parse(
    kubectl(['get', 'statefulset', `paude-${name}`, '-n', 'paude-plain', '-o', 'json']),
  ) as { metadata: Record<'labels' | 'annotations', Record<string, string>> };
  assert.match(object.metadata.labels['paude.io/owner']!, /^[0-9a-f]{32}$/);
  assert.is(object.metadata.annotations['paude.io/owner-name'], 'bob');
  const refused = outside(['delete', name, '--confirm', ...flags]);
  assert.is(refused.code, 2);
  assert.match(
    refused.stderr,
    /is bob's, and you are alice\nhint: git paude delete \S+ --backend=kubernetes --kubernetes-context=plain --namespace=paude-plain --confirm --not-mine/,
  );
  assert.match(outside(['list', ...flags]).stdout, new RegExp(`^${name}\t`, 'm'));
  assert.is(outside(['delete', name, '--confirm', '--not-mine', ...flags]).code, 0);
});

it('all namespaces, where the rights allow it', () => {
  const admin = writeKubeconfig(join(world.root, 'admin'), 'admin', () => undefined);
  const { code, stdout } = outside(['list', '--backend=openshift', '--all-namespaces'], {
    KUBECONFIG: admin,
  });
  assert.is(code, 0);
  for (const context of ['plain', 'restricted'])
    assert.match(stdout, new RegExp(`^${world.session('twice')}\t.*/paude-${context}\t`, 'm'));
});

/** A program that gives bob's credentials, and writes down whether it was told that it may ask a person for them. */
function loginProgram(name: string) {
  const command = join(world.root, name);
  const bobs = JSON.parse(readFileSync(onRestrictedCluster.env['KUBECONFIG']!, 'utf8')) as {
    users: [{ user: { token: string } }];
  };
  const { token } = bobs.users[0].user;
  const apiVersion = 'client.authentication.k8s.io/v1';
  const credential = JSON.stringify({ apiVersion, kind: 'ExecCredential', status: { token } });
  const script = `#!/bin/sh\necho "$KUBERNETES_EXEC_INFO" >> "$0.log"\necho '${credential}'\n`;
  writeFileSync(command, script, { mode: 0o700 });
  return {
    exec: { apiVersion, command, interactiveMode: 'IfAvailable' },
    asked: () =>
      readFileSync(`${command}.log`, 'utf8')
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { spec: object }).spec),
  };
}

it('a kubeconfig in several files, and a login by a plugin that is not to ask', () => {
  const { exec, asked } = loginProgram('login');
  const only = (path: string, part: 'clusters' | 'users' | 'contexts') =>
    writeKubeconfig(join(world.root, path), 'certificate', (config) => {
      for (const other of ['clusters', 'users', 'contexts'] as const) if (other !== part) config[other] = [];
      for (const one of config.users) one.user = { exec };
    });
  const files = [
    only('a', 'clusters'),
    only('b', 'users'),
    join(world.root, 'is not there'),
    only('c', 'contexts'),
  ];
  const { code, stdout, stderr } = outside(['list', '--backend=openshift', '--json'], {
    KUBECONFIG: files.join(':'),
  });
  assert.is(code, 0, stderr);
  assert.ok(Array.isArray(JSON.parse(stdout)));
  assert.equal(asked(), [{ interactive: false }]);
});

it('on a terminal a login by a plugin may ask whoever typed the verb, but a list never has it ask', async () => {
  for (const [verb, code, interactive] of [
    ['list', 0, false],
    ['start nobody', 1, true],
    ['connect nobody', 1, true],
  ] as const) {
    const { exec, asked } = loginProgram(`login for ${verb}`);
    const KUBECONFIG = writeKubeconfig(join(world.root, `of ${verb}`), 'certificate', ({ users }) => {
      for (const one of users) one.user = { exec };
    });
    const PATH = `${newcomer.env['PATH']}:/usr/bin:/bin`;
    const person = { root: world.root, repository: away, env: { ...world.env, PATH, KUBECONFIG } };
    const terminal = new PersonTerminal(person, `git paude ${verb} --backend=openshift`);
    try {
      const screen = await until(terminal.screen, (text) => /ended with \d/.test(text));
      assert.match(screen, `ended with ${code}`);
      assert.equal(asked(), [{ interactive }], verb);
    } finally {
      terminal.end();
    }
  }
});

test.run();
