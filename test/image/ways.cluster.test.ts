import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { SessionEvent } from '../../lib/session/events.ts';
import { testCluster } from '../harness/cluster-world.ts';
import {
  externalRegistry,
  homeWithLogin,
  internalRegistry,
  kubectl,
  openshiftRoute,
  registrySkip,
  routeTo,
  type TestRegistry,
} from '../harness/registries.ts';
import { removeSmallImages, smallImage } from '../harness/small-images.ts';
import { suite } from '../harness/suite.ts';
import { until } from '../remote/git-world.ts';
import { portsOf, refusal, uploads, type User } from './carrying.ts';

const test = suite('ways of images');
const signal = new AbortController().signal;
const internal = 'image-registry.openshift-image-registry.svc:5000';
const open: TestRegistry[] = [];
const homes: string[] = [];

/** Where Podman is, if it is elsewhere. */
let podmanIs: NodeJS.ProcessEnv = {};

/** Carries an image as a user with these settings would; gives the references and what was reported. */
async function carry(user: User, values: Record<string, unknown>, ...tags: string[]) {
  const home = homeWithLogin(testCluster.external);
  homes.push(home);
  return carryFrom(home, user, values, ...tags);
}

async function carryFrom(home: string, user: User, values: Record<string, unknown>, ...tags: string[]) {
  const { images, cluster } = await portsOf(home, user, values, { podmanEnv: podmanIs });
  const events: SessionEvent[] = [];
  const references = await images.carry(cluster, tags, 'linux/amd64', (event) => events.push(event), signal);
  return { references, events };
}

async function external(): Promise<TestRegistry> {
  const registry = await externalRegistry();
  open.push(registry);
  return registry;
}

test.after.each(() => open.splice(0).forEach((one) => one.end()));
test.after(() => {
  if (registrySkip !== undefined) return;
  removeSmallImages();
  for (const home of homes) rmSync(home, { recursive: true, force: true });
});

test.skipIf(registrySkip)(
  'an external registry: pushed with the login of Podman, and not again',
  async () => {
    const registry = await external();
    const [one, two] = [smallImage('one', 50_000, 3_000_000), smallImage('two', 20_000)];
    const values = { 'openshift-registry': `https://${registry.host}/me/` };
    const { references, events } = await carry('certificate', values, one, two);
    assert.is(references.length, 2);
    for (const reference of references)
      assert.match(reference, new RegExp(`^${registry.host}/me/paude-small-\\d+@sha256:[0-9a-f]{64}$`));
    const progress = events.flatMap((event) => (event.type === 'progress' ? [event] : []));
    assert.ok(progress.some(({ done, total }) => total !== undefined && done === total && total > 3_000_000));
    assert.is(
      uploads(registry.log()).filter((line) => line.startsWith('PUT') && line.includes('manifests')).length,
      2,
    );
    const again = await carry('certificate', values, one, two);
    assert.equal(again.references, references);
    const log = registry.log();
    assert.equal(uploads(log), []);
    assert.equal(
      log.filter((line) => line.includes('/blobs/')),
      [],
    );
  },
);

test.skipIf(registrySkip)(
  'what the session’s image and its proxy’s have in common is sent once',
  async () => {
    const registry = await external();
    const tags = ['paude-session', 'paude-proxy'].map((name) => `localhost/${name}:test-${process.pid}`);
    execFileSync('podman', ['tag', smallImage('shared', 50_000, 3_000_000), ...tags]);
    try {
      const { references } = await carry(
        'certificate',
        { 'openshift-registry': `${registry.host}/me` },
        ...tags,
      );
      assert.is(references[0]!.replace('session', 'proxy'), references[1]);
      const log = registry.log();
      const sentTo = (name: string) =>
        uploads(log).filter((line) => line.startsWith(`PATCH /v2/me/${name}/`));
      assert.is(sentTo('paude-session').length, 3);
      assert.equal(sentTo('paude-proxy'), []);
      assert.is(log.filter((line) => /^POST \S*paude-proxy\S*mount=\S* 201$/.test(line)).length, 3);
    } finally {
      execFileSync('podman', ['rmi', ...tags]);
    }
  },
);

test.skipIf(registrySkip)(
  'the route: found, logged in to with the token, pulled by the internal name',
  async () => {
    const route = await openshiftRoute();
    open.push(route);
    const { references } = await carry('token', {}, smallImage('route', 100_000));
    assert.match(references[0]!, new RegExp(`^${internal}/paude-plain/paude-small-\\d+@sha256:`));
    assert.ok(uploads(route.log()).length > 0);
  },
);

test.skipIf(registrySkip)('the port-forward: where there is no route', async () => {
  const registry = internalRegistry();
  const { references } = await carry('token', {}, smallImage('forward', 100_000, 5_000_000));
  assert.match(references[0]!, new RegExp(`^${internal}/paude-plain/paude-small-\\d+@sha256:`));
  assert.ok(uploads(registry.log()).length > 0);
});

test.skipIf(registrySkip)('without a token the internal registry is skipped, with that reason', async () => {
  const error = await refusal(carry('certificate', {}, smallImage('none', 1000)));
  assert.is(error.code, 'IMAGE_NOT_CARRIED');
  assert.match(error.message, /route: it takes a token.*\n.*port-forward.*: it takes a token/);
  assert.match(error.hint, '--openshift-registry=');
});

test.skipIf(registrySkip)(
  'without the right to port-forward, the right and the external registry are named',
  async () => {
    const error = await refusal(carry('confined', {}, smallImage('confined', 1000)));
    assert.is(error.code, 'FORBIDDEN');
    assert.match(error.message, 'create pods/portforward');
    assert.match(error.message, 'openshift-image-registry');
    assert.match(error.hint, '--openshift-registry=');
  },
);

test.skipIf(registrySkip)('a wrong authority: refused without the flag, and with it a warning', async () => {
  const registry = await external();
  const values = { 'openshift-registry': registry.host, 'ca-file': undefined };
  const tag = smallImage('tls', 2000);
  const error = await refusal(carry('certificate', values, tag));
  assert.is(error.code, 'CERTIFICATE_UNTRUSTED');
  assert.match(error.hint, '--no-openshift-tls-verify');
  assert.equal(registry.log(), []);
  const { events } = await carry('certificate', { ...values, 'openshift-tls-verify': false }, tag);
  assert.ok(
    events.some(
      (event) => event.type === 'notice' && /^the certificate of .* is not verified$/.test(event.text),
    ),
  );
  assert.ok(uploads(registry.log()).length > 0);
});

test.skipIf(registrySkip)(
  'the order: the external registry, the route, the port-forward; the next where one fails',
  async () => {
    const registry = await external();
    const route = await openshiftRoute();
    open.push(route);
    const inside = internalRegistry();
    const given = { 'openshift-registry': `${registry.host}/me` };
    await carry('token', given, smallImage('first', 2000));
    assert.ok(uploads(registry.log()).length > 0);
    assert.equal([route.log(), inside.log()], [[], []]);
    // A login that the registry refuses.
    const wrong = homeWithLogin(registry.host, 'wrong');
    homes.push(wrong);
    const { events, references } = await carryFrom(wrong, 'token', given, smallImage('second', 2000));
    assert.ok(registry.log().every((line) => line.endsWith(' 401')));
    assert.ok(uploads(route.log()).length > 0);
    assert.match(references[0]!, internal);
    assert.ok(events.some((event) => event.type === 'notice' && /trying the next way/.test(event.text)));
    inside.log();
    // The route's endpoint is gone, and the Route still names it.
    route.end();
    open.splice(open.indexOf(route), 1);
    kubectl(['apply', '-f', '-'], JSON.stringify(routeTo(route.host)));
    try {
      await carryFrom(wrong, 'token', given, smallImage('third', 2000));
    } finally {
      kubectl(['delete', 'route', 'default-route', '-n', 'openshift-image-registry']);
    }
    assert.ok(uploads(inside.log()).length > 0);
    assert.ok(registry.log().every((line) => line.endsWith(' 401')));
  },
);

test.skipIf(registrySkip)(
  'a Podman that can’t reach us: the image comes out of it, and is pushed from here',
  async () => {
    const tag = smallImage('elsewhere', 200_000, 4_000_000);
    const folder = mkdtempSync(join(tmpdir(), 'paude-elsewhere-'));
    const socket = join(folder, 'podman.sock');
    // A network namespace of its own, with nothing in it: no port of this machine can be reached from there.
    const args = ['--net', 'podman', 'system', 'service', '--time=0', `unix://${socket}`];
    const service = spawn('unshare', args, { stdio: 'ignore' });
    try {
      await until('the service listens', () => existsSync(socket));
      podmanIs = { CONTAINER_HOST: `unix://${socket}` };
      const registry = internalRegistry();
      const { references } = await carry('token', {}, tag);
      assert.match(references[0]!, internal);
      assert.ok(uploads(registry.log()).length > 0);
    } finally {
      podmanIs = {};
      service.kill();
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

test.skipIf(registrySkip)('an image for another platform is refused before anything is sent', async () => {
  const registry = await external();
  const tag = smallImage('platform', 1000);
  const home = homeWithLogin(registry.host);
  homes.push(home);
  const { images, cluster } = await portsOf(home, 'certificate', { 'openshift-registry': registry.host });
  const error = await refusal(images.carry(cluster, [tag], 'linux/arm64', () => undefined, signal));
  assert.is(error.code, 'IMAGE_PLATFORM');
  assert.equal(registry.log(), []);
});

test.skipIf(registrySkip)('our images in a registry are found by their label, and removed', async () => {
  const registry = await external();
  const home = homeWithLogin(registry.host);
  homes.push(home);
  const { images, cluster } = await portsOf(home, 'certificate', {
    'openshift-registry': `${registry.host}/me`,
  });
  const old = smallImage('old', 1000);
  execFileSync('podman', ['tag', old, 'localhost/paude-session:test-old']);
  try {
    const [reference] = await images.carry(
      cluster,
      ['localhost/paude-session:test-old'],
      'linux/amd64',
      () => undefined,
      signal,
    );
    const [found] = await images.there(cluster, () => undefined, signal);
    assert.ok(found?.names.includes(reference!));
    await found!.remove(signal);
    assert.equal(await images.there(cluster, () => undefined, signal), []);
  } finally {
    execFileSync('podman', ['rmi', 'localhost/paude-session:test-old']);
  }
});

test.run();
