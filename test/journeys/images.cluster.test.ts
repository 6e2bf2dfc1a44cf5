import * as assert from 'uvu/assert';
import { testCluster } from '../harness/cluster-world.ts';
import {
  externalRegistry,
  forgetImages,
  internalRegistry,
  kubectl,
  openshiftRoute,
  registrySkip,
  type TestRegistry,
} from '../harness/registries.ts';
import { removeSmallImages, smallImage } from '../harness/small-images.ts';
import { suite } from '../harness/suite.ts';
import { onPlainCluster, onRestrictedCluster } from './ground.ts';
import { building, logIn } from './image-ground.ts';
import { World } from './world.ts';

const test = suite('journey of an image');
const internal = 'image-registry.openshift-image-registry.svc:5000';
let open: TestRegistry[] = [];
let world: World;

/** Creates a session and pushes to it; gives what its pod runs. */
function createAndPush(namespace: string, ...flags: string[]): string {
  const name = world.session('image');
  const created = world.paude('create', name, ...flags);
  assert.is(created.code, 0, created.stderr);
  const pushed = world.git('push', `paude-${name}`, 'main');
  assert.is(pushed.code, 0, pushed.stderr);
  assert.is(world.paude('exec', name, '--', 'cat', 'README').stdout, 'hello\n');
  const path = '{.spec.containers[0].image} {.spec.containers[0].imagePullPolicy}';
  const pod = kubectl(['get', 'pod', `paude-${name}-0`, '-n', namespace, '-o', `jsonpath=${path}`]);
  const [image = '', policy] = pod.split(' ');
  assert.is(policy, 'IfNotPresent');
  assert.match(image, /@sha256:[0-9a-f]{64}$/);
  return image;
}

const sent = (log: readonly string[]) => log.filter((line) => line.startsWith('PATCH'));

test.after.each(() => {
  world?.end();
  for (const one of open) one.end();
  open = [];
});

test.skipIf(registrySkip)(
  'by an external registry, with a pull secret that goes with the session',
  async () => {
    const registry = await externalRegistry();
    open.push(registry);
    world = new World(building(onPlainCluster, testCluster.certificate));
    logIn(world, registry.host);
    const flag = `--openshift-registry=${registry.host}/me`;
    const name = world.session('image');
    const refused = world.paude('create', name, flag);
    assert.is(refused.code, 1);
    assert.match(refused.stderr, '--pull-secret=auto');
    assert.not.match(world.paude('list').stdout, `${name}\t`);
    assert.ok(sent(registry.log()).length > 5);
    assert.match(
      createAndPush('paude-plain', flag, '--pull-secret=auto'),
      `${registry.host}/me/paude-session@`,
    );
    assert.equal(sent(registry.log()), []);
    const secret = ['get', 'secret', `paude-${name}-pull`, '-n', 'paude-plain', '--ignore-not-found', '-o'];
    const { auths } = JSON.parse(
      Buffer.from(kubectl([...secret, 'jsonpath={.data.\\.dockerconfigjson}']), 'base64').toString(),
    ) as { auths: object };
    assert.equal(Object.keys(auths), [registry.host]);
    assert.is(world.paude('delete', name, '--confirm').code, 0);
    assert.is(kubectl([...secret, 'name']), '');
  },
);

test.skipIf(registrySkip)('by the route', async () => {
  forgetImages('paude-restricted');
  const route = await openshiftRoute();
  open.push(route);
  world = new World(building(onRestrictedCluster, testCluster.token));
  assert.match(createAndPush('paude-restricted'), `${internal}/paude-restricted/paude-session@`);
  assert.ok(sent(route.log()).length > 5);
});

test.skipIf(registrySkip)('by a port-forward', () => {
  forgetImages('paude-plain');
  const registry = internalRegistry();
  world = new World(building(onPlainCluster, testCluster.token));
  assert.match(createAndPush('paude-plain'), `${internal}/paude-plain/paude-session@`);
  assert.ok(sent(registry.log()).length > 5);
});

test.skipIf(registrySkip)(
  'for nodes of another kind, where none can be built: before anything is pushed',
  async () => {
    const registry = await externalRegistry();
    open.push(registry);
    world = new World(building(onPlainCluster, testCluster.certificate));
    logIn(world, registry.host);
    const name = world.session('foreign');
    const platform = process.arch === 'arm64' ? 'linux/amd64' : 'linux/arm64';
    // A base image that there is for this machine only.
    const flags = [`--platform=${platform}`, `--base-image=${smallImage('base', 1000)}`];
    const push = [...flags, `--openshift-registry=${registry.host}/me`];
    for (const command of [
      ['create', name, ...push],
      ['image', 'push', ...push],
      ['image', 'build', ...flags],
    ]) {
      const { code, stderr } = world.paude(...command);
      assert.is(code, 1, stderr);
      assert.match(stderr, `can't be had for ${platform}`);
    }
    assert.equal(registry.log(), []);
    assert.is(world.ground.objects(name), '');
    removeSmallImages();
  },
);

test.run();
