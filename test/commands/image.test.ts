import * as assert from 'uvu/assert';
import type { Images } from '../../lib/commands/command.ts';
import { PaudeError } from '../../lib/errors.ts';
import type { OwnImage } from '../../lib/image/old-images.ts';
import { suite } from '../harness/suite.ts';
import { World } from './world.ts';

const test = suite('image verbs');
let world: World;
let gone: string[];

test.before.each(() => {
  world = new World();
  gone = [];
});
test.after.each(() => world.end());

function image(reference: string, day: number): OwnImage {
  return {
    where: 'here',
    reference,
    size: 5_000_000,
    created: new Date(day),
    names: [reference],
    remove: async () => void gone.push(reference),
  };
}

/** What Podman and a registry would have; the verbs themselves are real. */
function images(more: Partial<Images> = {}): { images: () => Promise<Images> } {
  const parts: Images = {
    build: async () => 'localhost/paude-session:1',
    buildProxy: async () => 'localhost/paude-proxy:1',
    carried: async () => 'quay.io/me/paude-session@sha256:1',
    carriedProxy: async () => 'quay.io/me/paude-proxy@sha256:2',
    missingIn: async () => ({ kind: 'session', missing: [] }),
    here: async () => [image('old', 1), image('localhost/an-image', 2), image('new', 3)],
    there: async () => [],
    ...more,
  };
  return { images: async () => parts };
}

const paude = (more: Partial<Images>, ...argv: string[]) =>
  world.paudeIn(world.repository, images(more), ...argv);

test('build and push print what came out of it, and nothing else', async () => {
  const [built, pushed] = [await paude({}, 'image', 'build'), await paude({}, 'image', 'push')];
  assert.is(built.stdout, 'localhost/paude-session:1\nlocalhost/paude-proxy:1\n');
  assert.is(pushed.stdout, 'quay.io/me/paude-session@sha256:1\nquay.io/me/paude-proxy@sha256:2\n');
});

test('check prints what is missing, and exits with 1', async () => {
  assert.equal(await paude({}, 'image', 'check', 'x:1'), {
    code: 0,
    stdout: '',
    stderr: 'x:1 has what a session needs\n',
  });
  const missingIn = async () => ({ kind: 'proxy', missing: ['the program squid'] }) as const;
  const lacking = await paude({ missingIn }, 'image', 'check', 'x:1');
  assert.is(lacking.code, 1);
  assert.is(lacking.stdout, 'the program squid\n');
  assert.is(lacking.stderr, "x:1 lacks this of what a session's proxy needs\n");
  assert.is((await paude({}, 'image', 'check')).code, 2);
});

test('list shows which ones sessions use', async () => {
  await world.paude('create', 'one');
  const { stdout } = await paude({}, 'image', 'list', '--json');
  const rows = JSON.parse(stdout) as { reference: string; used: boolean }[];
  assert.equal(
    rows.map(({ reference, used }) => [reference, used]),
    [
      ['old', false],
      ['localhost/an-image', true],
      ['new', false],
    ],
  );
});

test('prune removes with --confirm alone, and neither the newest nor what is used', async () => {
  await world.paude('create', 'one');
  const planned = await paude({}, 'image', 'prune');
  assert.is(planned.stdout, 'old\n');
  assert.match(planned.stderr, '--confirm');
  assert.equal(gone, []);
  assert.is((await paude({}, 'image', 'prune', '--confirm')).code, 0);
  assert.equal(gone, ['old']);
});

test('a registry that can’t be looked at is named, and what is here is shown', async () => {
  const there = async () => {
    throw new PaudeError('REGISTRY_UNREACHABLE', 'quay.io can’t be reached');
  };
  world.git('config', 'paude.backend', 'openshift');
  const { stdout, stderr } = await paude({ there }, 'image', 'list');
  assert.match(stderr, 'quay.io can’t be reached');
  assert.match(stdout, 'old');
});

test.run();
