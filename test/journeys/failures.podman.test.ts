import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { podmanSkip } from '../harness/podman-world.ts';
import { suite } from '../harness/suite.ts';
import { failuresJourney } from './failures-journey.ts';
import { onPodman } from './ground.ts';

const test = suite('journey: failures');
const it = test.skipIf(podmanSkip);
const person = failuresJourney(test, onPodman);

it('no Podman: it is said, with what helps', () => {
  const world = person();
  const programs = ['git', 'git-paude', 'git-remote-paude', 'node', 'sh', 'env'];
  const bin = join(world.root, 'without podman');
  mkdirSync(bin);
  for (const program of programs) {
    const found = world.run('sh', ['-c', `command -v ${program}`]).stdout.trim();
    world.run('ln', ['-s', found, join(bin, program)]);
  }
  const { code, stderr } = world.run(join(bin, 'git'), ['paude', 'list'], world.repository, { PATH: bin });
  assert.is(code, 1);
  assert.match(stderr, /podman is not on the PATH[^]*apt-get install podman/);
});

it('a pruned image is made again by start', () => {
  const world = person();
  const name = world.session('pruned');
  assert.is(world.paude('create', name, '--agent-args=--one').code, 0);
  // Another tag keeps what the other tests need.
  const image = world
    .run('podman', ['container', 'inspect', '--format', '{{.ImageName}}', `paude-${name}`])
    .stdout.trim();
  const spare = `localhost/paude-spare:${process.pid}`;
  assert.is(world.run('podman', ['tag', image, spare]).code, 0);
  assert.is(world.run('podman', ['rm', `paude-${name}`]).code, 0);
  assert.is(world.run('podman', ['untag', image, image]).code, 0);
  const started = world.paude('start', name, '--detach');
  assert.is(started.code, 0, started.stderr);
  assert.is(world.paude('exec', name, '--', 'true').code, 0);
  world.run('podman', ['untag', spare, spare]);
});

test.run();
