import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { claude } from '../../lib/agents/claude.ts';
import { isPaudeError } from '../../lib/errors.ts';
import { ensureImage, type ImageEvent, type ImagePort } from '../../lib/image/ensure-image.ts';
import { layersOf, type Recipe } from '../../lib/image/recipe.ts';
import { authorityFiles } from '../../lib/image/image-files.ts';
import { suite } from '../harness/suite.ts';

const test = suite('ensure image');
const [begin, end] = ['-----BEGIN CERTIFICATE-----\n', '\n-----END CERTIFICATE-----'];
const signal = new AbortController().signal;
const recipe: Recipe = { agent: claude, packages: [], architecture: 'amd64' };
const tagsOf = async (one: Recipe, base = 'sha256:a') => (await layersOf(one, base)).map(({ tag }) => tag);

/** A Podman that only remembers: images by name, and what it was asked to build. */
function port(images: Set<string>, fail?: string) {
  const contexts: string[] = [];
  const built: (readonly string[])[] = [];
  const answer = (exitCode: number, stdout = '', stderr = '') => ({ exitCode, stdout, stderr });
  const podman: ImagePort = {
    async run(args, { onLine }) {
      if (args[0] === 'image') return answer(images.has(args.at(-1)!) ? 0 : 1, 'sha256:a linux/amd64\n');
      if (args[0] !== 'build') return answer(125, '', 'no such image');
      built.push(args);
      contexts.push(args.at(-1)!);
      assert.ok(readFileSync(join(args.at(-1)!, 'Containerfile'), 'utf8').includes('FROM'));
      for (const line of fail?.split('\n') ?? []) onLine?.(line);
      if (fail !== undefined) return answer(1);
      images.add(args[args.indexOf('--tag') + 1]!);
      return answer(0);
    },
  };
  return { podman, built, contexts };
}

test('the tag is the same exactly when everything that goes in is', async () => {
  const [tag] = await tagsOf(recipe);
  assert.equal(await tagsOf({ ...recipe }), [tag]);
  const others: readonly Recipe[] = [
    { ...recipe, certificates: `${begin}x${end}` },
    { ...recipe, agentVersion: '1.0.0' },
    { ...recipe, architecture: 'arm64' },
    { ...recipe, agent: { ...claude, yoloArgs: ['--other'] } },
  ];
  const tags = await Promise.all(others.map((other) => tagsOf(other)));
  const all = [tag, ...tags.flat(), ...(await tagsOf(recipe, 'sha256:b'))];
  assert.is(new Set(all).size, 6);
});

test('packages and a containerfile are layers of their own, on the same session', async () => {
  const [session] = await tagsOf(recipe);
  const more = await layersOf(
    { ...recipe, packages: ['make', 'gcc'], containerfile: 'FROM x\nRUN y\n' },
    'sha256:a',
  );
  assert.equal(more.map(({ from }) => from).slice(1), [session, more[1]!.tag]);
  assert.match(more[1]!.files[0]!.content, 'make gcc');
  assert.is(more[2]!.files[0]!.content, 'FROM x\nRUN y\n');
});

test('only what is missing is built, and the context is gone afterwards', async () => {
  const { podman, built, contexts } = port(new Set(['base']));
  const wanted = { ...recipe, baseImage: 'base', packages: ['make'] };
  const events: ImageEvent[] = [];
  const tag = await ensureImage(wanted, podman, (event) => events.push(event), signal);
  assert.is(built.length, 2);
  assert.ok(built[0]!.includes('app.kubernetes.io/managed-by=git-paude'));
  assert.is(await ensureImage(wanted, podman, () => undefined, signal), tag);
  assert.is(built.length, 2);
  await ensureImage({ ...wanted, packages: ['gcc'] }, podman, () => undefined, signal);
  assert.is(built.length, 3);
  assert.equal(
    contexts.filter((folder) => existsSync(folder)),
    [],
  );
  assert.is(events.filter(({ type }) => type === 'step').length, 2);
});

test('a step that fails is shown, and nothing is left of the context', async () => {
  const { podman, contexts } = port(new Set(['base']), 'STEP 7\nE: there is no package x');
  try {
    await ensureImage({ ...recipe, baseImage: 'base' }, podman, () => undefined, signal);
    assert.unreachable();
  } catch (error) {
    assert.ok(isPaudeError(error, 'IMAGE_BUILD_FAILED'), String(error));
    assert.match(String(error), 'E: there is no package x');
  }
  assert.equal(
    contexts.filter((folder) => existsSync(folder)),
    [],
  );
});

test('for another platform: a base image of this machine’s is not taken for it, and nothing is built', async () => {
  const { podman, built } = port(new Set(['base']));
  const foreign: Recipe = { ...recipe, baseImage: 'base', architecture: 'arm64', foreign: true };
  const error = await ensureImage(foreign, podman, () => undefined, signal).catch(
    (thrown: unknown) => thrown,
  );
  assert.ok(isPaudeError(error, 'IMAGE_PLATFORM'), String(error));
  assert.match(String(error), 'linux/arm64');
  assert.is(built.length, 0);
});

test('a base image whose name another platform’s has taken meanwhile is pulled anew', async () => {
  const pulls: (readonly string[])[] = [];
  const { podman } = port(new Set());
  const turned: ImagePort = {
    async run(args, options) {
      if (args[0] === 'pull') pulls.push(args);
      const stdout = `sha256:a linux/${pulls.length > 0 ? 'amd64' : 'arm64'}\n`;
      if (args[0] === 'pull' || args[1] === 'inspect') return { exitCode: 0, stdout, stderr: '' };
      return podman.run(args, options);
    },
  };
  await ensureImage({ ...recipe, baseImage: 'base' }, turned, () => undefined, signal);
  assert.equal(pulls, [['pull', '--quiet', '--platform=linux/amd64', 'base']]);
});

test('a base image that can’t be had is named', async () => {
  const { podman } = port(new Set());
  try {
    await ensureImage({ ...recipe, baseImage: 'there/is:none' }, podman, () => undefined, signal);
    assert.unreachable();
  } catch (error) {
    assert.ok(isPaudeError(error, 'IMAGE_MISSING'), String(error));
    assert.match(String(error), 'there/is:none');
  }
});

test('each certificate of further authorities is in a file of its own, once', () => {
  const pem = `subject=A\n${begin}a${end}\n${begin}b${end}\n# again\n${begin}a${end}\n`;
  const files = authorityFiles(pem).map(({ path, content }) => [path, content]);
  assert.equal(files.slice(1), [
    ['ca/git-paude-1.crt', `${begin}a${end}\n`],
    ['ca/git-paude-2.crt', `${begin}b${end}\n`],
  ]);
  assert.equal(
    authorityFiles().map(({ path }) => path),
    ['ca/README'],
  );
});

test.run();
