import * as assert from 'uvu/assert';
import { podmanProgram } from '../../lib/backends/podman/podman.ts';
import { isPaudeError } from '../../lib/errors.ts';
import { imageChecks } from '../../lib/image-checks.ts';
import type { ImageKind } from '../../lib/image/check-image.ts';
import type { SessionEvent } from '../../lib/session/events.ts';
import { suite } from '../harness/suite.ts';
import { reply, wireRegistry } from './wire-registry.ts';

const test = suite('ready images');
const signal = new AbortController().signal;
const place = { backend: 'kubernetes', context: 'c', namespace: 'n' } as const;
const registry = wireRegistry(test);

function put(tag: string, config: object): void {
  registry.put(tag, { os: 'linux', architecture: 'amd64', config });
}

/** On a machine without Podman, with the registry at the wire in place of each one. */
const checks = () =>
  imageChecks({
    podman: async () => podmanProgram({ PATH: '/nowhere' }),
    external: async (host) => ({
      wire: { name: host, origin: registry.origin, options: {} },
      login: { login: async () => undefined },
      path: '',
      pullHost: host,
    }),
  });

async function check(kind: ImageKind, ref: string, { checked, missingIn } = checks()) {
  const events: SessionEvent[] = [];
  const given = await checked(kind, ref, place, (event) => events.push(event), signal).catch(
    (error: unknown) => error,
  );
  return { given, events, missingIn: () => missingIn(ref, signal) };
}

test('a proxy’s image is known as one, and is none for a session; nor the other way round', async () => {
  put('proxy', { Entrypoint: ['/usr/libexec/paude-proxy/start'] });
  const Env = ['HOME', 'PAUDE_VOLUME', 'PAUDE_RUN', 'PAUDE_FILES'].map((name) => `${name}=/x`);
  put('session', { Entrypoint: ['tini', '/usr/libexec/paude/entrypoint'], Env });
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
