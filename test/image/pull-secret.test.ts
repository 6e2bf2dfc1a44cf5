import * as assert from 'uvu/assert';
import { isPaudeError, type PaudeError } from '../../lib/errors.ts';
import { pullSecrets } from '../../lib/pull-secrets.ts';
import type { Login } from '../../lib/image/registry-auth.ts';
import { suite } from '../harness/suite.ts';
import { reply, wireRegistry } from './wire-registry.ts';

const test = suite('pull secrets');
const signal = new AbortController().signal;
const registry = wireRegistry(test);
const internal = 'image-registry.openshift-image-registry.svc:5000/ns';
const password = (username: string) => ({ kind: 'password', username, password: 'p' }) as const;
/** What Podman has: the first key that a repository begins with counts. */
const logins: Readonly<Record<string, Login>> = {
  'quay.io/me': password('me'),
  'ghcr.io': password('other'),
  'token.io': { kind: 'identity', token: 't' },
};

test.before.each(() => {
  registry.fault = (request, response) => {
    if (request.url!.includes('open')) return false;
    reply(response, 401, { 'www-authenticate': 'Basic realm="x"' });
    return true;
  };
  registry.manifests.set('1', Buffer.from('{}'));
});

interface Otherwise {
  readonly setting?: string;
  /** What a person says, one answer each; without them there is nobody. */
  readonly answers?: boolean[];
}

/** With the registry at the wire in place of each one. */
async function ask(images: readonly string[], { setting, answers }: Otherwise = {}) {
  const said: { questions: string[]; notices: string[] } = { questions: [], notices: [] };
  const { pullSecret } = pullSecrets({
    lookTime: 200,
    settings: async () => ({ values: { ...(setting && { 'pull-secret': setting }) }, origins: {} }),
    external: async (host) => ({
      wire: { name: host, origin: registry.origin, options: {} },
      login: { login: async () => undefined },
      path: '',
      pullHost: host,
    }),
    login: async (host, name) => {
      const key = Object.keys(logins).find((one) => `${host}/${name}`.startsWith(one));
      return key === undefined ? undefined : { key, login: logins[key]! };
    },
    agree: async (question) => {
      said.questions.push(question);
      return answers?.shift();
    },
  });
  const report = (event: { type: string; text?: string }) =>
    void (event.type === 'notice' && said.notices.push(event.text!));
  const secret = await pullSecret(images, report, signal).catch((error: unknown) => error);
  return { secret, ...said };
}

const mine = { registry: 'quay.io/me', username: 'me', password: 'p' };
const others = { registry: 'ghcr.io', username: 'other', password: 'p' };

test('only where a registry needs a login, and the user agrees', async () => {
  const images = ['quay.io/me/x:1'];
  assert.is((await ask(images, { setting: 'none' })).secret, undefined);
  assert.equal((await ask(images, { setting: 'mine' })).secret, { name: 'mine', images });
  assert.equal((await ask(images, { setting: 'auto' })).secret, { entries: [mine], images });
  assert.equal((await ask(images, { answers: [true] })).secret, { entries: [mine], images });
  assert.is((await ask(images, { answers: [false] })).secret, undefined);
  assert.is((await ask(['quay.io/me/open:1'], { setting: 'auto' })).secret, undefined);
  assert.is((await ask(['a.example/x:1'], { setting: 'auto' })).secret, undefined, 'there is no login');
});

test('nobody to ask, and a login that is of no use to nodes', async () => {
  const refused = (await ask(['quay.io/me/x:1'])).secret as PaudeError;
  assert.ok(isPaudeError(refused, 'PULL_SECRET_NEEDED'), String(refused));
  assert.match(refused.hint!, /--pull-secret=auto .*kubectl create secret docker-registry.*=quay\.io /);
  const both = (await ask(['quay.io/me/x:1', 'ghcr.io/y:1'])).secret as PaudeError;
  assert.ok(isPaudeError(both, 'PULL_SECRET_NEEDED'), String(both));
  assert.match(both.message, /quay\.io gives me\/x, and ghcr\.io gives y only to who is logged in/);
  assert.match(both.hint!, /--pull-secret=NAME names a secret that has the logins for quay\.io and ghcr\.io/);
  const token = (await ask(['token.io/x:1'], { setting: 'auto' })).secret;
  assert.ok(isPaudeError(token, 'PULL_SECRET_NEEDED'), String(token));
});

test('the proxy’s image counts as the session’s does, and one question is for all of one login', async () => {
  const [session, proxy] = ['quay.io/me/session:1', 'quay.io/me/proxy:1'];
  const { secret, questions } = await ask([session!, proxy!], { answers: [true] });
  assert.equal(secret, { entries: [mine], images: [session, proxy] });
  assert.is(questions.length, 1);
  assert.match(questions[0]!, 'quay.io gives me/session and me/proxy only to who is logged in');
  const open = await ask(['quay.io/me/open:1', proxy!], { answers: [true] });
  assert.equal(open.secret, { entries: [mine], images: [proxy] });
  const inside = await ask([`${internal}/paude-session:1`, proxy!], { setting: 'mine' });
  assert.equal(inside.secret, { name: 'mine', images: [proxy] });
});

test('of two registries each is asked about, and the one secret has what was agreed to', async () => {
  const images = ['quay.io/me/session:1', 'ghcr.io/proxy:1'];
  const both = await ask(images, { answers: [true, true] });
  assert.equal(both.secret, { entries: [mine, others], images });
  assert.match(both.questions[0]!, 'Put your login for quay.io/me, and no other, into a secret');
  assert.match(both.questions[1]!, 'Put your login for ghcr.io into the same secret of this session?');
  const second = await ask(images, { answers: [false, true] });
  assert.equal(second.secret, { entries: [others], images: [images[1]] });
  assert.match(second.questions[1]!, 'Put your login for ghcr.io, and no other, into a secret');
});

test('a registry that can’t be seen from here stops nothing, and is tried once', async () => {
  let connections = 0;
  registry.fault = (request) => {
    connections++;
    request.socket.destroy();
    return true;
  };
  const { secret, notices } = await ask(['quay.io/me/session:1', 'quay.io/me/proxy:1'], { setting: 'auto' });
  assert.is(secret, undefined);
  assert.is(connections, 1);
  assert.is(notices.length, 1);
  assert.match(notices[0]!, /^no pull secret is made for quay\.io: quay\.io can't be reached/);
});

test('nor does one that does not answer', async () => {
  registry.fault = () => true;
  const { secret, notices } = await ask(['quay.io/me/x:1'], { setting: 'auto' });
  assert.is(secret, undefined);
  assert.equal(notices, ['no pull secret is made for quay.io: quay.io does not answer']);
});

test.run();
