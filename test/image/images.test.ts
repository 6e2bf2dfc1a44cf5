import * as assert from 'uvu/assert';
import { claude } from '../../lib/agents/claude.ts';
import { isPaudeError, PaudeError, type ErrorCode } from '../../lib/errors.ts';
import { kindOf, missingOutside } from '../../lib/image/check-image.ts';
import { platformOf, platformsOf } from '../../lib/image/local-image.ts';
import { prune, type OwnImage } from '../../lib/image/old-images.ts';
import { findPublished, publishedFor } from '../../lib/image/published.ts';
import { originOf, reference, registryName } from '../../lib/image/registry-name.ts';
import { tryWays, type Way } from '../../lib/image/try-ways.ts';
import { suite } from '../harness/suite.ts';
import { digestOf, wireRegistry } from './wire-registry.ts';

const test = suite('images');
const registry = wireRegistry(test);
const signal = new AbortController().signal;

async function fails(work: () => unknown, code: ErrorCode): Promise<PaudeError> {
  try {
    await work();
  } catch (error) {
    assert.ok(isPaudeError(error, code), String(error));
    return error;
  }
  return assert.unreachable(`${code} is thrown`) as never;
}

test('a registry may be written with https:// and slashes', async () => {
  assert.equal(registryName('https://quay.io/my-user/x/'), { host: 'quay.io', path: 'my-user/x/' });
  assert.equal(registryName('registry:5000'), { host: 'registry:5000', path: '' });
  assert.is(originOf('docker.io').host, 'registry-1.docker.io');
  for (const wrong of ['quay.io/Me', 'http://quay.io', '-x', 'quay', 'a.b/c d', 'a.b/../c', 'u:p@a.b/c'])
    await fails(() => registryName(wrong), 'USAGE');
});

test('references', async () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  assert.equal(reference(`quay.io/me/x:1@${digest}`), { host: 'quay.io', name: 'me/x', version: digest });
  assert.equal(reference('debian'), { host: 'docker.io', name: 'library/debian', version: 'latest' });
  assert.equal(reference('me/x:2'), { host: 'docker.io', name: 'me/x', version: '2' });
  assert.equal(reference('localhost:5000/x'), { host: 'localhost:5000', name: 'x', version: 'latest' });
  await fails(() => reference('a.b/X'), 'USAGE');
});

test('the platform: asked for, the nodes’, or what most are', async () => {
  assert.is(platformOf('linux/arm64', ['linux/amd64']), 'linux/arm64');
  assert.is(platformOf(undefined, ['linux/arm64', 'windows/amd64']), 'linux/arm64');
  assert.is(platformOf(undefined, []), 'linux/amd64');
  assert.equal(platformsOf(undefined, ['linux/amd64', 'linux/arm64']), ['linux/amd64', 'linux/arm64']);
  const error = await fails(() => platformOf(undefined, ['linux/amd64', 'linux/arm64']), 'IMAGE_PLATFORM');
  assert.match(error.hint!, '--platform=');
});

test('a published image is one whose digest is recorded, for a recipe with nothing of its own', () => {
  const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
  const session = { name: 'paude-session', agent: 'claude', version: claude.version } as const;
  const images = [
    { ...session, architecture: 'amd64', digest: digest('b') },
    { name: 'paude-proxy', architecture: 'amd64', digest: digest('c') },
  ] as const;
  const recipe = { agent: claude, packages: [], architecture: 'amd64' as const };
  assert.is(publishedFor('paude-session', recipe, images)?.digest, digest('b'));
  assert.is(publishedFor('paude-proxy', recipe, images)?.digest, digest('c'));
  const ofBoth = [{ certificates: 'x' }, { baseImage: 'x' }, { architecture: 'arm64' as const }];
  const ofSession = [{ packages: ['make'] }, { containerfile: 'FROM x' }, { agentVersion: '1.0.0' }];
  for (const more of [...ofBoth, ...ofSession])
    assert.is(publishedFor('paude-session', { ...recipe, ...more }, images), undefined);
  for (const more of ofBoth)
    assert.is(publishedFor('paude-proxy', { ...recipe, ...more }, images), undefined);
  for (const more of ofSession)
    assert.is(publishedFor('paude-proxy', { ...recipe, ...more }, images)?.digest, digest('c'));
  assert.is(publishedFor('paude-session', recipe, []), undefined);
});

test('a registry that lies about a recorded digest: its image is not used, and that is said', async () => {
  const shelf = {
    wire: { name: 'quay.io/x', origin: registry.origin, options: {} },
    login: { login: async () => undefined },
    path: 'x/',
    pullHost: 'quay.io',
  };
  const bytes = Buffer.from('{"config":{}}');
  const image = { name: 'paude-proxy', architecture: 'amd64', digest: digestOf(bytes) } as const;
  const said: string[] = [];
  const find = () =>
    findPublished(image, shelf, (event) => event.type === 'notice' && said.push(event.text), signal);
  registry.manifests.set(image.digest, bytes);
  assert.is(await find(), `quay.io/x/paude-proxy@${image.digest}`);
  registry.manifests.set(image.digest, Buffer.from('{"config":{"another":1}}'));
  assert.is(await find(), undefined);
  assert.match(said.join(), 'is not used: quay.io/x is not to be trusted');
});

test('what a configuration shows to be missing', () => {
  const Entrypoint = ['/usr/bin/tini', '--', '/usr/libexec/paude/entrypoint'];
  const Env = ['HOME=/home/paude', 'PAUDE_VOLUME=/pvc', 'PAUDE_RUN=/run/paude', 'PAUDE_FILES=/x'];
  const fit = { os: 'linux', architecture: 'amd64', config: { Entrypoint, Env } };
  assert.equal(missingOutside(fit, ['linux/arm64', 'linux/amd64'], 'session'), []);
  assert.is(missingOutside(fit, ['linux/arm64'], 'session').length, 1);
  assert.is(missingOutside({ os: 'linux', architecture: 'amd64' }, undefined, 'session').length, 5);
  const proxy = { ...fit, config: { Entrypoint: ['/usr/libexec/paude-proxy/start'] } };
  assert.equal([kindOf(fit), kindOf(proxy)], ['session', 'proxy']);
  assert.equal(missingOutside(proxy, undefined, 'proxy'), []);
  assert.is(missingOutside(fit, undefined, 'proxy').length, 1);
  assert.is(missingOutside(proxy, undefined, 'session').length, 5);
});

test('only what nobody uses is pruned, the newest is kept, and a failure keeps that one image', async () => {
  const gone: string[] = [];
  const image = (reference: string, day: number, refuses = false): OwnImage => ({
    where: 'here',
    reference,
    size: 1,
    created: new Date(day),
    names: [reference],
    remove: async () => {
      if (refuses) throw new Error('a container has it');
      gone.push(reference);
    },
  });
  const images = [image('old', 1), image('used', 2), image('stuck', 3, true), image('new', 4)];
  const planned = await prune(images, new Set(['used']), false, signal);
  assert.equal(
    planned.removed.map(({ reference: one }) => one),
    ['old', 'stuck'],
  );
  assert.equal(gone, []);
  const { kept } = await prune(images, new Set(['used']), true, signal);
  assert.equal(gone, ['old']);
  assert.equal(
    kept.map(({ image: { reference: one } }) => one),
    ['used', 'stuck', 'new'],
  );
});

test('ways: the next one is tried, and in the end each reason is told', async () => {
  const way = (name: string, result: PaudeError | string): Way => ({
    name,
    open: async () => {
      if (typeof result !== 'string') throw result;
      return { skipped: result };
    },
  });
  const full = new PaudeError('REGISTRY_FULL', 'quay.io is full', { hint: 'make room' });
  const denied = new PaudeError('FORBIDDEN', 'you may not', { hint: 'ask' });
  const go = (...ways: Way[]) =>
    tryWays(
      ways,
      async () => [],
      () => undefined,
      signal,
    );
  assert.is((await fails(() => go(way('a', full)), 'REGISTRY_FULL')).message, 'quay.io is full');
  const mixed = await fails(() => go(way('a', full), way('b', 'there is none')), 'REGISTRY_FULL');
  assert.match(mixed.message, /a: quay.io is full\n.*b: there is none/);
  const both = await fails(() => go(way('a', full), way('b', denied)), 'IMAGE_NOT_CARRIED');
  assert.match(both.message, /a: quay.io is full\n.*b: you may not/);
  assert.match(both.hint!, '--openshift-registry=');
  // What is wrong on this machine is so on every way.
  await fails(() => go(way('a', new PaudeError('DISK_FULL', 'no room')), way('b', full)), 'DISK_FULL');
});

test.run();
