import * as assert from 'uvu/assert';
import { podmanProgram, type Podman } from '../../lib/backends/podman/podman.ts';
import { isPaudeError } from '../../lib/errors.ts';
import { imageChecks } from '../../lib/image-checks.ts';
import type { ImageKind } from '../../lib/image/check-image.ts';
import type { SessionEvent } from '../../lib/session/events.ts';
import { suite } from '../harness/suite.ts';
import { digestOf, json, reply, wireRegistry } from './wire-registry.ts';

const test = suite('ready images');
const signal = new AbortController().signal;
const registry = wireRegistry(test);

function put(tag: string, config: object, architecture = 'amd64'): void {
  registry.put(tag, { os: 'linux', architecture, config });
}

const sessionConfig = {
  Entrypoint: ['tini', '/usr/libexec/paude/entrypoint'],
  Env: ['HOME', 'PAUDE_VOLUME', 'PAUDE_RUN', 'PAUDE_FILES'].map((name) => `${name}=/x`),
};

/** On a machine without Podman, if none is given, with the registry at the wire in place of each one. */
const checks = (podman: () => Promise<Podman> = async () => podmanProgram({ PATH: '/nowhere' })) =>
  imageChecks({
    podman,
    external: async (host) => ({
      wire: { name: host, origin: registry.origin, options: {} },
      login: { login: async () => undefined },
      path: '',
      pullHost: host,
    }),
  });

async function check(
  kind: ImageKind,
  ref: string,
  { checked, missingIn } = checks(),
  platforms: readonly string[] | undefined = ['linux/amd64'],
) {
  const events: SessionEvent[] = [];
  const given = await checked(
    kind,
    ref,
    async () => platforms,
    (event) => events.push(event),
    signal,
  ).catch((error: unknown) => error);
  return { given, events, missingIn: () => missingIn(ref, signal) };
}

test('a proxy’s image is known as one, and is none for a session; nor the other way round', async () => {
  put('proxy', { Entrypoint: ['/usr/libexec/paude-proxy/start'] });
  put('session', sessionConfig);
  const fit = await check('proxy', 'a.example/x:proxy');
  assert.is(fit.given, 'a.example/x:proxy');
  assert.equal(await fit.missingIn(), { kind: 'proxy', missing: [] });
  assert.is((await check('session', 'a.example/x:session')).given, 'a.example/x:session');
  for (const [kind, tag, said] of [
    ['session', 'proxy', /lacks what a session needs: the entrypoint/],
    ['proxy', 'session', /lacks what a session's proxy needs: the entrypoint/],
  ] as const) {
    const { given } = await check(kind, `a.example/x:${tag}`);
    assert.ok(isPaudeError(given, 'IMAGE_UNFIT'), String(given));
    assert.match(given.message, said);
  }
});

/** A session's image for one platform, and one for several; the registry has it by the tags `arm64` and `index`. */
function putSeveral(): void {
  put('arm64', sessionConfig, 'arm64');
  put('amd64', sessionConfig);
  const manifests = ['arm64', 'amd64'].map((architecture) => {
    const bytes = registry.manifests.get(architecture)!;
    registry.manifests.set(digestOf(bytes), bytes);
    return { digest: digestOf(bytes), platform: { os: 'linux', architecture } };
  });
  const attestation = { digest: 'sha256:0', platform: { os: 'unknown', architecture: 'unknown' } };
  registry.manifests.set('index', json({ manifests: [attestation, ...manifests] }));
  registry.manifests.set('alone', json({ manifests: [attestation, manifests[0]] }));
}

test('one for another platform than the nodes’ is refused before anything is made', async () => {
  putSeveral();
  for (const tag of ['arm64', 'alone']) {
    const { given } = await check('session', `a.example/x:${tag}`);
    assert.ok(isPaudeError(given, 'IMAGE_UNFIT'), String(given));
    assert.match(
      given.message,
      "the nodes' platform, linux/amd64 (--platform says another): it is for linux/arm64",
    );
    for (const nodes of [['linux/arm64'], ['linux/amd64', 'linux/arm64']])
      assert.is((await check('session', `a.example/x:${tag}`, checks(), nodes)).given, `a.example/x:${tag}`);
  }
  for (const nodes of [['linux/amd64'], ['linux/arm64']])
    assert.is((await check('session', 'a.example/x:index', checks(), nodes)).given, 'a.example/x:index');
  const none = (await check('session', 'a.example/x:index', checks(), ['linux/s390x'])).given;
  assert.ok(isPaudeError(none, 'IMAGE_UNFIT'), String(none));
});

test('one that Podman has for this machine is not what nodes of another kind pull', async () => {
  putSeveral();
  const stdout = JSON.stringify([{ Os: 'linux', Architecture: 'arm64', Config: sessionConfig }]);
  const inspect = async () => ({ exitCode: 0, stdout, stderr: '' });
  const here = checks(async () => ({ ...podmanProgram({}), run: inspect }));
  assert.is((await check('session', 'a.example/x:index', here)).given, 'a.example/x:index');
  const { given } = await check('session', 'a.example/x:arm64', here);
  assert.ok(isPaudeError(given, 'IMAGE_UNFIT'), String(given));
  // Where the registry can't be seen, it may have others.
  registry.fault = (_, response) => {
    reply(response, 401, { 'www-authenticate': 'Basic realm="x"' });
    return true;
  };
  assert.is((await check('session', 'a.example/x:arm64', here)).given, 'a.example/x:arm64');
});

test('where nobody says what the nodes are, none is refused for its platform', async () => {
  putSeveral();
  const events: SessionEvent[] = [];
  for (const ref of ['a.example/x:arm64', 'a.example/x:index']) {
    const nobody = async () => undefined;
    const report = (event: SessionEvent) => void events.push(event);
    assert.is(await checks().checked('session', ref, nobody, report, signal), ref);
  }
  assert.equal(events, []);
});

test('an image of Podman’s own is used, for nodes may have it themselves; for a cluster it is said', async () => {
  const { given, events } = await check('proxy', 'localhost/mine:1');
  assert.is(given, 'localhost/mine:1');
  const [first] = events;
  assert.is(first?.type, 'notice');
  assert.match(first?.type === 'notice' ? first.text : '', 'only nodes that have it themselves can use it');
  const ref = 'localhost/mine:1';
  const report = () => assert.unreachable();
  assert.is(await checks().checked('session', ref, undefined, report, signal), ref);
});

test('Podman pulls one that only a registry has; one that it can’t get is an error with its words', async () => {
  const stdout = JSON.stringify([{ Os: 'linux', Architecture: 'amd64', Config: sessionConfig }]);
  const registries = new Set(['a.example/x:1']);
  const has = new Set<string>();
  const run: Podman['run'] = async (args) => {
    const ref = args.at(-1)!;
    if (args[0] === 'pull' && registries.has(ref)) has.add(ref);
    const exitCode = has.has(ref) ? 0 : 125;
    return {
      exitCode,
      stdout: exitCode === 0 ? stdout : '',
      stderr: exitCode === 0 ? '' : 'Error: no such name',
    };
  };
  const { checked } = checks(async () => ({ ...podmanProgram({}), run }));
  const events: SessionEvent[] = [];
  const report = (event: SessionEvent) => void events.push(event);
  for (let i = 0; i < 2; i++)
    assert.is(await checked('session', 'a.example/x:1', undefined, report, signal), 'a.example/x:1');
  assert.equal(events, [{ type: 'step', text: 'pulling the image a.example/x:1' }]);
  const unfit = checked('proxy', 'a.example/x:1', undefined, report, signal);
  assert.ok(isPaudeError(await unfit.catch((error: unknown) => error), 'IMAGE_UNFIT'));
  const gone = checked('session', 'a.example/x:2', undefined, report, signal);
  const error = await gone.catch((thrown: unknown) => thrown);
  assert.ok(isPaudeError(error, 'IMAGE_MISSING'), String(error));
  assert.match(error.message, "the image a.example/x:2 can't be had: Error: no such name");
  assert.is(error.hint, 'name another one, or see why: podman pull a.example/x:2');
});

test('one that can’t be seen from here is used, and only --verbose tells; one that is not there is news', async () => {
  const missing = await check('session', 'a.example/x:1');
  assert.is(missing.given, 'a.example/x:1');
  assert.equal(
    missing.events.map(({ type }) => type),
    ['notice'],
  );
  registry.fault = (_, response) => {
    reply(response, 401, { 'www-authenticate': 'Basic realm="x"' });
    return true;
  };
  const hidden = await check('session', 'a.example/x:1');
  assert.is(hidden.given, 'a.example/x:1');
  assert.equal(
    hidden.events.map(({ type }) => type),
    ['output'],
  );
});

test('a registry that can’t be reached is asked once for both images', async () => {
  let asked = 0;
  registry.fault = (request) => {
    asked++;
    request.socket.destroy();
    return true;
  };
  const ports = checks();
  for (const kind of ['session', 'proxy'] as const) {
    const { given, events } = await check(kind, `a.example/${kind}:1`, ports);
    assert.is(given, `a.example/${kind}:1`);
    assert.equal(
      events.map(({ type }) => type),
      ['output'],
    );
  }
  assert.is(asked, 1);
});

test.run();
