import { existsSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { claude } from '../../lib/agents/claude.ts';
import { podmanProgram } from '../../lib/backends/podman/podman.ts';
import { isPaudeError } from '../../lib/errors.ts';
import { ensureImage, type ImageEvent } from '../../lib/image/ensure-image.ts';
import { ensureProxyImage } from '../../lib/image/proxy-image.ts';
import { podmanPlatform } from '../../lib/image/local-image.ts';
import type { Recipe } from '../../lib/image/recipe.ts';
import { podmanSkip } from '../harness/podman-world.ts';
import { madeImage, removeSmallImages } from '../harness/small-images.ts';
import { suite } from '../harness/suite.ts';

const test = suite('an image for another platform');
const signal = new AbortController().signal;
const podman = podmanProgram(process.env);
const other = process.arch === 'arm64' ? 'amd64' : 'arm64';
const emulated = existsSync(`/proc/sys/fs/binfmt_misc/qemu-${other === 'arm64' ? 'aarch64' : 'x86_64'}`);

test.after(() => {
  if (podmanSkip === undefined) removeSmallImages();
});

/** An image of the other platform whose shell can't be run here: no program of it can. */
function foreignBase(): string {
  const shell = ['COPY --chmod=0755 layer0 /bin/sh'];
  return madeImage('foreign', [4096], shell, [`--platform=linux/${other}`]);
}

async function refused(recipe: Recipe, build = ensureImage) {
  const events: ImageEvent[] = [];
  const error = await build(recipe, podman, (event) => events.push(event), signal).catch(
    (thrown: unknown) => thrown,
  );
  assert.ok(isPaudeError(error, 'IMAGE_PLATFORM'), String(error));
  return error;
}

const foreign = { agent: claude, packages: [], architecture: other, foreign: true } as const;

test.skipIf(podmanSkip)('Podman tells what it runs on', async () => {
  assert.match((await podmanPlatform(podman, signal))!, /^linux\/(amd64|arm64)$/);
});

test.skipIf(podmanSkip ?? (emulated ? 'this machine emulates the other one' : undefined))(
  'where Podman can’t run its programs, that is said, and what would help',
  async () => {
    const baseImage = foreignBase();
    for (const build of [ensureImage, ensureProxyImage]) {
      const { message, hint } = await refused({ ...foreign, baseImage }, build);
      assert.match(message, `Podman can't run programs of linux/${other} here`);
      assert.match(hint!, 'qemu-user-static');
    }
  },
);

test.skipIf(podmanSkip)('a base image that is here for this platform only is not taken for it', async () => {
  const baseImage = madeImage('native', [4096], []);
  const { message } = await refused({ ...foreign, baseImage });
  assert.match(message, `${baseImage} can't be had for linux/${other}`);
});

test.run();
