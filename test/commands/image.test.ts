import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { Context, Images } from '../../lib/commands/command.ts';
import { rememberPlace } from '../../lib/config/places.ts';
import { PaudeError } from '../../lib/errors.ts';
import type { OwnImage } from '../../lib/image/old-images.ts';
import { sessionName, type SessionName } from '../../lib/names.ts';
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
  assert.match(planned.stderr, 'these would be: git paude image prune --confirm\n');
  const flags = ['--openshift-registry=quay.io/me', '--no-openshift-tls-verify'];
  const there = await paude({}, 'image', 'prune', ...flags, '--backend=openshift');
  const hint = /these would be: git paude image prune (.*) --confirm\n/.exec(there.stderr)?.[1];
  assert.equal(hint?.split(' ').sort(), ['--backend=openshift', ...flags].sort());
  assert.equal(gone, []);
  assert.is((await paude({}, 'image', 'prune', '--confirm')).code, 0);
  assert.equal(gone, ['old']);
});

/** Two clusters beside Podman: in the first there is a session that uses the image `old`. */
async function withClusters(
  more: Partial<Record<string, () => Promise<never>>> = {},
): Promise<Partial<Context>> {
  await world.paude('create', 'here');
  const [session] = await world.backend.list(new AbortController().signal);
  const userFolder = join(world.root, '.config/paude');
  await rememberPlace(userFolder, { backend: 'kubernetes', context: 'one', namespace: 'n' });
  const at = (context: string) => ({ backend: 'kubernetes', context, namespace: 'n' }) as const;
  const cluster = (context: string) => ({
    ...world.backend,
    locate: (name: SessionName) => ({ ...at(context), name }),
    list: async () =>
      context === 'one'
        ? [{ ...session!, image: 'old', location: { ...at('one'), name: sessionName('there') } }]
        : [],
  });
  const backend: Context['backend'] = async (place) => {
    const key = place === undefined ? 'two' : place.backend === 'podman' ? 'podman' : place.context;
    await more[key]?.();
    return key === 'podman' ? world.backend : cluster(key);
  };
  return { ...images(), backend };
}

const prune = async (otherwise: Partial<Context>) =>
  world.paudeIn(
    world.repository,
    otherwise,
    ...['image', 'prune', '--confirm', '--backend=openshift', '--openshift-context=two'],
  );

test('prune spares what any session uses, wherever a flag points', async () => {
  const { code, stderr } = await prune(await withClusters());
  assert.is(code, 0, stderr);
  assert.match(stderr, /kept: old: a session uses it/);
  assert.match(stderr, /kept: localhost\/an-image: a session uses it/);
  assert.equal(gone, []);
});

test('prune removes nothing where a place that was used can’t be asked', async () => {
  const one = async () => {
    throw new PaudeError('BACKEND_UNREACHABLE', 'one does not answer');
  };
  const { code, stderr } = await prune(await withClusters({ one }));
  assert.is(code, 1);
  assert.match(stderr, /one does not answer/);
  assert.equal(gone, []);
});

test('a machine without Podman has no sessions there that use an image', async () => {
  const podman = async () => {
    throw new PaudeError('BACKEND_MISSING', 'podman is not on the PATH');
  };
  const { code, stderr } = await prune(await withClusters({ podman }));
  assert.is(code, 0, stderr);
  assert.match(stderr, /Podman is not installed here, so it has no sessions/);
  assert.equal(gone, ['localhost/an-image']);
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
