import { execFileSync } from 'node:child_process';
import * as assert from 'uvu/assert';
import { testCluster } from '../harness/cluster-world.ts';
import { externalRegistry, kubectl, registrySkip, type TestRegistry } from '../harness/registries.ts';
import { madeImage, removeSmallImages } from '../harness/small-images.ts';
import { suite } from '../harness/suite.ts';
import { onPlainCluster } from './ground.ts';
import { building, logIn } from './image-ground.ts';
import { PersonTerminal } from './person-terminal.ts';
import { until, World } from './world.ts';

const test = suite('journey: may the nodes have your login?');
let registry: TestRegistry;
let world: World;
/** An image in a registry that asks for a login. Whether a session can run on it is not what is asked here. */
let image: string;
/** The same of a proxy. */
let proxyImage: string;

test.before(async () => {
  if (registrySkip !== undefined) return;
  registry = await externalRegistry();
  world = new World(building(onPlainCluster, testCluster.certificate));
  logIn(world, registry.host);
  image = `${registry.host}/me/mine:1`;
  proxyImage = `${registry.host}/me/proxy:1`;
  const login = ['--authfile', `${world.home}/.config/containers/auth.json`, '--tls-verify=false'];
  execFileSync('podman', ['push', '--quiet', ...login, readyImage(), image]);
  const proxy = madeImage('proxy', [1000], ['ENTRYPOINT ["/usr/libexec/paude-proxy/start"]']);
  execFileSync('podman', ['push', '--quiet', ...login, proxy, proxyImage]);
});
test.after(() => {
  if (registrySkip !== undefined) return;
  world.end();
  registry.end();
  removeSmallImages();
});

/** What a session's image looks like from outside. */
function readyImage(): string {
  const variables = ['HOME', 'PAUDE_VOLUME', 'PAUDE_RUN', 'PAUDE_FILES'].map((name) => `${name}=/x`);
  const lines = [`ENV ${variables.join(' ')}`, 'ENTRYPOINT ["/usr/libexec/paude/entrypoint"]'];
  return madeImage('ready', [1000], lines);
}

const create = (name: string) => ['create', name, `--image=${image}`, '--allow-network'];
const secret = (name: string) =>
  kubectl(['get', 'secret', `paude-${name}-pull`, '-n', 'paude-plain', '--ignore-not-found', '-o', 'name']);

for (const [answer, made] of [
  ['y', true],
  ['n', false],
] as const) {
  test.skipIf(registrySkip)(
    `on a terminal the person is asked: ${answer} ${made ? 'makes it' : 'makes none'}`,
    async () => {
      const name = world.session(`answer-${answer}`);
      const terminal = new PersonTerminal(world, `git paude ${create(name).join(' ')}`);
      try {
        const asked = await until(terminal.screen, (text) => /\[y\/N\]|ended with/.test(text));
        // A terminal breaks its lines anywhere.
        const question = asked.replace(/\n/g, '');
        assert.match(question, `${registry.host} gives me/mine only to who is logged in`);
        assert.match(question, `Put your login for ${registry.host}, and no other, into a secret`);
        terminal.keys(answer, 'Enter');
        // The hook is offered once.
        const shown = await until(terminal.screen, (text) => /by a hook\? \[y|ended with/.test(text));
        if (!/ended with/.test(shown)) terminal.keys('n', 'Enter');
        assert.match(await until(terminal.screen, (text) => /ended with/.test(text)), /ended with 0/);
      } finally {
        terminal.end();
      }
      assert.is(world.ground.isWhole(name), true);
      assert.is(secret(name), made ? `secret/paude-${name}-pull\n` : '');
      assert.is(world.paude('delete', name, '--confirm').code, 0);
      assert.is(secret(name), '');
    },
  );
}

test.skipIf(registrySkip)('Ctrl-C at the question ends it, and nothing is made', async () => {
  const name = world.session('broken-off');
  const terminal = new PersonTerminal(world, `git paude ${create(name).join(' ')}`);
  try {
    await until(terminal.screen, (text) => /\[y\/N\]|ended with/.test(text));
    terminal.keys('C-c');
    const shown = await until(terminal.screen, (text) => /ended with/.test(text));
    assert.match(shown, /interrupted/);
    assert.match(shown, /ended with 130/);
  } finally {
    terminal.end();
  }
  assert.is(world.ground.objects(name), '');
});

test.skipIf(registrySkip)('where nobody can be asked none is made, and the error prints the commands', () => {
  const name = world.session('alone');
  const refused = [world.paude(...create(name)), pushed(name)];
  for (const { code, stderr } of refused) {
    assert.is.not(code, 0);
    assert.match(stderr, 'nobody can be asked');
    assert.match(stderr, '--pull-secret=auto');
    assert.match(
      stderr,
      `kubectl create secret docker-registry NAME --docker-server=${registry.host} --docker-username=USER`,
    );
    assert.is(world.ground.objects(name), '');
    assert.is(secret(name), '');
  }
});

test.skipIf(registrySkip)('the pod of the session and that of its proxy have the one secret', () => {
  const name = world.session('both');
  const flags = [`--image=${image}`, `--proxy-image=${proxyImage}`, '--pull-secret=auto'];
  const made = world.paude('create', name, ...flags);
  assert.is(made.code, 0, made.stderr);
  for (const set of [`paude-${name}`, `proxy-paude-${name}`])
    assert.is(
      kubectl([
        ...['get', 'statefulset', set, '-n', 'paude-plain'],
        ...['-o', 'jsonpath={.spec.template.spec.imagePullSecrets[*].name}'],
      ]),
      `paude-${name}-pull`,
    );
  assert.is(world.paude('delete', name, '--confirm').code, 0);
  assert.is(secret(name), '');
});

/** The same by a push, whose settings are git's. */
function pushed(name: string) {
  const settings = [`paude.image=${image}`, 'paude.allowNetwork=true'].flatMap((one) => ['-c', one]);
  return world.git(...settings, 'push', world.ground.url(name), 'main');
}

test.run();
