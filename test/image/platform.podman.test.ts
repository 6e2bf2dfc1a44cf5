import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { claude } from '../../lib/agents/claude.ts';
import { podmanProgram } from '../../lib/backends/podman/podman.ts';
import { isPaudeError } from '../../lib/errors.ts';
import { ensureImage, type ImageEvent } from '../../lib/image/ensure-image.ts';
import { ensureProxyImage } from '../../lib/image/proxy-image.ts';
import { localImage, podmanPlatform } from '../../lib/image/local-image.ts';
import type { Recipe } from '../../lib/image/recipe.ts';
import { emulating, other, otherBusybox, otherProcessor, whyNoEmulator } from '../harness/other-machine.ts';
import { podmanSkip } from '../harness/podman-world.ts';
import { madeImage, removeSmallImages } from '../harness/small-images.ts';
import { suite } from '../harness/suite.ts';

const test = suite('an image for another platform');
const signal = new AbortController().signal;
const podman = podmanProgram(process.env);

test.after(() => {
  if (podmanSkip === undefined) removeSmallImages();
});

/** An image of the other platform whose shell is none: what can't be run is as if it was not emulated. */
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

test.skipIf(podmanSkip)(
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

/** A base image of the other platform: a real shell and its tools, and a package manager that has all installed. */
function workingBase(): string {
  const context = mkdtempSync(join(tmpdir(), 'paude-foreign-'));
  const tag = `localhost/paude-small-${process.pid}:working`;
  try {
    for (const folder of ['bin', 'usr/local/bin', 'usr/bin'])
      mkdirSync(join(context, folder), { recursive: true });
    cpSync(otherBusybox(), join(context, 'bin/busybox'));
    for (const tool of ['sh', 'ln', 'mkdir', 'chown', 'chmod', 'rm', 'uname'])
      symlinkSync('busybox', join(context, 'bin', tool));
    for (const program of ['apt-get', 'update-ca-certificates'])
      writeFileSync(join(context, 'usr/bin', program), '#!/bin/sh\n', { mode: 0o755 });
    writeFileSync(join(context, 'Containerfile'), 'FROM scratch\nCOPY bin /bin\nCOPY usr /usr\n');
    const flags = [`--platform=linux/${other}`, '--format', 'oci', '--tag', tag];
    execFileSync('podman', ['build', '--quiet', ...flags, context], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
  return tag;
}

test.skipIf(podmanSkip ?? whyNoEmulator())(
  'where they are emulated, it is built; the nodes of that platform could run it, and no others',
  async () => {
    const recipe = { ...foreign, baseImage: workingBase() };
    const build = () => ensureProxyImage(recipe, podman, () => undefined, signal);
    await emulating(async () => {
      const tag = await build();
      try {
        const run = ['run', '--rm', '--network=none', '--pull=never', `--platform=linux/${other}`];
        const said = execFileSync('podman', [...run, '--entrypoint=/bin/uname', tag, '-m'], {
          encoding: 'utf8',
        });
        assert.is(said, `${otherProcessor}\n`);
        assert.is((await localImage(tag, `linux/${other}`, podman, signal)).tag, tag);
        const native = `linux/${other === 'arm64' ? 'amd64' : 'arm64'}`;
        const refusal = await localImage(tag, native, podman, signal).catch((error: unknown) => error);
        assert.ok(isPaudeError(refusal, 'IMAGE_PLATFORM'), String(refusal));
      } finally {
        execFileSync('podman', ['rmi', '--force', tag], { stdio: 'ignore' });
      }
    });
  },
);

test.run();
