import * as assert from 'uvu/assert';
import { clusterImage, clusterProxyImage } from '../harness/cluster-world.ts';
import { suite } from '../harness/suite.ts';
import { onPlainCluster } from './ground.ts';
import { pathWithoutPodman } from './image-ground.ts';
import { World, type Outcome } from './world.ts';

const test = suite('journey: without Podman on the machine');
const { skip } = onPlainCluster;
let world: World;
let paude: (...args: string[]) => Outcome;
let git: (...args: string[]) => Outcome;

test.before(() => {
  if (skip !== undefined) return;
  const { PAUDE_IMAGE: _, PAUDE_PROXY_IMAGE: __, ...env } = onPlainCluster.env;
  world = new World({ ...onPlainCluster, env });
  const PATH = pathWithoutPodman(world);
  git = (...args) => world.run('git', args, world.repository, { PATH });
  paude = (...args) => git('paude', ...args);
});
test.after(() => {
  if (skip === undefined) world.end();
});

const images = [`--image=${clusterImage}`, `--proxy-image=${clusterProxyImage}`];

test.skipIf(skip)('ready images: create, push and run', () => {
  const name = world.session('ready');
  const created = paude('create', name, ...images);
  assert.is(created.code, 0, created.stderr);
  const pushed = git('push', `paude-${name}`, 'main');
  assert.is(pushed.code, 0, pushed.stderr);
  assert.is(paude('exec', name, '--', 'cat', 'README').stdout, 'hello\n');
  assert.is(paude('delete', name, '--confirm').code, 0);
});

test.skipIf(skip)('for the rest the error says what needs it, and which flag does without', () => {
  const name = world.session('bare');
  for (const [flags, said, hint] of [
    [[], "build the session's image", '--image=REF'],
    [images.slice(0, 1), "build its proxy's image", '--proxy-image=REF'],
  ] as const) {
    const { code, stderr } = paude('create', name, ...flags);
    assert.is(code, 1);
    assert.match(stderr, `podman is not on the PATH, which it takes to ${said}`);
    assert.match(stderr, hint);
    assert.is(world.ground.objects(name), '');
  }
  assert.match(paude('image', 'build').stderr, 'podman is not on the PATH');
  assert.match(paude('image', 'push').stderr, 'podman is not on the PATH, which it takes to build');
  const pushed = git('push', world.ground.url(name), 'main');
  assert.is(pushed.code, 128);
  assert.match(pushed.stderr, 'podman is not on the PATH');
});

test.skipIf(skip)('without a proxy, the session’s image alone is enough; what there is can be listed', () => {
  const name = world.session('open');
  const created = paude('create', name, ...images.slice(0, 1), '--allow-network');
  assert.is(created.code, 0, created.stderr);
  const listed = paude('image', 'list');
  assert.is(listed.code, 0, listed.stderr);
  assert.is(paude('image', 'prune', '--confirm').code, 0);
});

test.run();
