import * as assert from 'uvu/assert';
import { podmanProgram } from '../../lib/backends/podman/podman.ts';
import { isPaudeError } from '../../lib/errors.ts';
import { kindOf, missingInside, missingOutside } from '../../lib/image/check-image.ts';
import { localConfig } from '../../lib/image/local-image.ts';
import { podmanSkip, testImage, testProxyImage } from '../harness/podman-world.ts';
import { removeSmallImages, smallImage } from '../harness/small-images.ts';
import { suite } from '../harness/suite.ts';

const test = suite('check image');
const signal = new AbortController().signal;
const podman = podmanProgram(process.env);

test.after(() => {
  if (podmanSkip === undefined) removeSmallImages();
});

test.skipIf(podmanSkip)('the session’s image has all that a session needs', async () => {
  assert.equal(await missingInside(testImage, podman, signal), { kind: 'session', missing: [] });
  const config = await localConfig(testImage, async () => podman, signal);
  assert.equal(missingOutside(config!, undefined, 'session'), []);
});

test.skipIf(podmanSkip)('its proxy’s image is known as one, and has all that a proxy needs', async () => {
  assert.equal(await missingInside(testProxyImage, podman, signal), { kind: 'proxy', missing: [] });
  const config = await localConfig(testProxyImage, async () => podman, signal);
  assert.is(kindOf(config!), 'proxy');
  assert.equal(missingOutside(config!, undefined, 'proxy'), []);
});

test.skipIf(podmanSkip)(
  'an image that is Debian and no more: each thing that is missing is named',
  async () => {
    const base = process.env['PAUDE_BASE_IMAGE'] ?? 'docker.io/library/debian:13-slim';
    const { missing } = await missingInside(base, podman, signal);
    for (const one of ['the program git', 'the program tmux', '/usr/libexec/paude/entrypoint'])
      assert.ok(missing.includes(one), missing.join('\n'));
    assert.not.ok(missing.includes('the program bash'));
    assert.ok(missing.some((one) => one.startsWith('the folder /pvc')));
  },
);

test.skipIf(podmanSkip)('an image with nothing in it, and one that is not there', async () => {
  assert.equal(await missingInside(smallImage('empty', 10), podman, signal), {
    kind: 'session',
    missing: ['the program /bin/sh'],
  });
  const error = await missingInside('localhost/there-is-none:1', podman, signal).catch(
    (thrown: unknown) => thrown,
  );
  assert.ok(isPaudeError(error, 'IMAGE_MISSING'), String(error));
});

test.run();
