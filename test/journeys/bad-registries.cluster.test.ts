import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { testCluster } from '../harness/cluster-world.ts';
import { externalRegistry, kubectl, registrySkip } from '../harness/registries.ts';
import { suite } from '../harness/suite.ts';
import { digestOf, json, reply, WireRegistry, type Fault } from '../image/wire-registry.ts';
import { onPlainCluster } from './ground.ts';
import { building, logIn } from './image-ground.ts';
import { World, type Outcome } from './world.ts';

const test = suite('journey: a registry that is bad');
let world: World;
let temporary: string;

test.before(() => {
  if (registrySkip !== undefined) return;
  world = new World(building(onPlainCluster, testCluster.certificate));
  logIn(world, testCluster.external);
  temporary = join(world.root, 'temporary');
  mkdirSync(temporary);
});
test.after(() => world?.end());

/** A `create` whose image goes there, as a person would see it; the registry here answers meanwhile. */
function create(name: string): Promise<Outcome> {
  const flags = [`--openshift-registry=${testCluster.external}/me`, '--pull-secret=auto'];
  return world.beside('env', [`TMPDIR=${temporary}`, 'git', 'paude', 'create', name, ...flags]);
}

/** That it failed with these words, and that there is nothing of it: here, or in the cluster. */
async function fails(word: string, said: string | RegExp, hint: string): Promise<void> {
  const name = world.session(word);
  const { code, stdout, stderr } = await create(name);
  assert.equal([code, stdout], [1, ''], stderr);
  assert.match(stderr, `${testCluster.external}/me `, stderr);
  assert.match(stderr, said, stderr);
  assert.match(stderr, hint, stderr);
  assert.is(world.ground.objects(name), '');
  const all = kubectl([
    'get',
    'all,secrets,configmaps,pvc,networkpolicies',
    '-n',
    'paude-plain',
    '-o',
    'name',
  ]);
  assert.is(all.includes(name), false, all);
  assert.is(world.git('remote').stdout, '');
  assert.equal(readdirSync(temporary), []);
}

const another = 'use another one: --openshift-registry=HOST/PATH';

test.skipIf(registrySkip)('one that is full', async () => {
  const registry = await externalRegistry('2m');
  try {
    // A small layer may fit, and the word that it is whole not.
    await fails('full', / is full and could not (push|finish) a layer/, `make room there, or ${another}`);
  } finally {
    registry.end();
  }
});

/** The registry outside of the cluster, played at the wire. */
async function played(work: (registry: WireRegistry) => Promise<void>): Promise<void> {
  const file = (name: string) => readFileSync(join(testCluster.state, 'pki', name));
  const registry = new WireRegistry({ cert: file('external.crt'), key: file('external.key') });
  await registry.listen(testCluster.external);
  try {
    await work(registry);
  } finally {
    registry.close();
  }
}

const words = (text: string) => json({ errors: [{ message: text }] });
const lie = digestOf(words('a lie'));

/** Answers each request with this method and path, once it has come whole. */
const answering =
  (method: string, path: RegExp, status: number, headers: Record<string, string>, body?: Buffer): Fault =>
  async (request, response) => {
    if (request.method !== method || !path.test(request.url!)) return false;
    request.resume();
    if (method === 'PUT') for await (const _ of request);
    reply(response, status, headers, body);
    return true;
  };

const uploads = /\/blobs\/uploads\//;
for (const [word, fault, said, hint] of [
  [
    'refuses',
    answering('POST', uploads, 403, {}, words('not yours')),
    'does not let you push a layer: not yours',
    'is the path one that you may push to?',
  ],
  [
    'busy',
    answering('POST', uploads, 429, {}, words('slow down')),
    'has had too many requests to push a layer: slow down',
    'try again later',
  ],
  [
    'lies',
    answering('PUT', uploads, 201, { 'docker-content-digest': lie }),
    `is not to be trusted: it says ${lie} of a layer, which is sha256:`,
    'use another registry: --openshift-registry=HOST/PATH',
  ],
  [
    'mistakes',
    answering('PUT', uploads, 400, {}, words('not the digest')),
    'did not take what was sent and could not finish a layer: it answered 400: not the digest',
    `give the same command again, or ${another}`,
  ],
  [
    'expires',
    answering('PUT', uploads, 401, { 'www-authenticate': 'Basic realm="it"' }),
    'asks for a login to finish a layer',
    `podman login ${testCluster?.external}`,
  ],
] as const) {
  test.skipIf(registrySkip)(`one that ${word === 'busy' ? 'is busy' : word}`, () =>
    played(async (registry) => {
      registry.fault = fault;
      await fails(word, said, hint);
    }),
  );
}

test.skipIf(registrySkip)(
  'one whose token expires in the middle of each image, and that lies of the second one; what it has then is enough',
  () =>
    played(async (registry) => {
      let [valid, asked] = [1, 0];
      const realm = `https://${testCluster.external}/token`;
      const tokens: Fault = (request, response) => {
        if (request.url!.startsWith('/token')) {
          asked++;
          reply(response, 200, {}, json({ token: `t${valid}` }));
        } else if (request.headers.authorization === `Bearer t${valid}`) return false;
        else reply(response, 401, { 'www-authenticate': `Bearer realm="${realm}",service="it"` });
        return true;
      };
      const lying = answering('PUT', /\/paude-proxy\/manifests\//, 201, { 'docker-content-digest': lie });
      registry.fault = async (...one) => (await tokens(...one)) || lying(...one);
      const begun = new Set<string>();
      registry.piece = ({ url, socket }) => {
        const name = url!.replace(/\/blobs\/.*/, '');
        if (begun.has(name)) return;
        begun.add(name);
        valid++;
        socket.destroy();
      };
      const said = `is not to be trusted: it says ${lie} of the image me/paude-proxy`;
      await fails('renewed', said, 'use another registry');
      assert.is(valid, 3);
      assert.ok(asked >= 3);

      registry.fault = tokens;
      registry.requests.length = 0;
      const name = world.session('renewed');
      const { code, stderr } = await create(name);
      assert.is(code, 0, stderr);
      assert.ok(world.ground.isWhole(name));
      assert.equal(registry.requests.filter((line) => /^(POST|PATCH|PUT)/.test(line)).length, 1);
    }),
);

test.run();
