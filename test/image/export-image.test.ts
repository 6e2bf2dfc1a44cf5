import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { ImagePort } from '../../lib/image/ensure-image.ts';
import { exportImage } from '../../lib/image/export-image.ts';
import { isPaudeError } from '../../lib/errors.ts';
import { suite } from '../harness/suite.ts';

const test = suite('an image on its way out of Podman');
const signal = new AbortController().signal;

const nameOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
/** In the order of their names, as the reader takes them. */
const [first, second] = [Buffer.alloc(5000, 'a'), Buffer.alloc(5000, 'b')].sort((a, b) =>
  nameOf(a) < nameOf(b) ? -1 : 1,
) as [Buffer, Buffer];
const manifest = Buffer.from(JSON.stringify({ layers: [] }));

/**
 * Podman at the other end of a socket sends an archive, and its client unpacks that in place (containers/podman,
 * pkg/domain/infra/tunnel/images.go, Save). This writes as it does: half of the first blob, the second one, and the
 * `rest` when it is told to.
 */
function inPlace(rest: (blobs: string) => void) {
  let goOn = () => {};
  const told = new Promise<void>((resolve) => (goOn = resolve));
  const port: ImagePort = {
    async run(args, { signal: ending }) {
      ending.addEventListener('abort', goOn);
      const layout = args[args.indexOf('--output') + 1]!;
      const blobs = join(layout, 'blobs/sha256');
      mkdirSync(blobs, { recursive: true });
      writeFileSync(join(blobs, nameOf(first)), first.subarray(0, 2000));
      writeFileSync(join(blobs, nameOf(second)), second);
      await told;
      rest(blobs);
      writeFileSync(join(blobs, nameOf(manifest)), manifest);
      const index = { manifests: [{ digest: `sha256:${nameOf(manifest)}`, mediaType: 'manifest' }] };
      writeFileSync(join(layout, 'index.json'), JSON.stringify(index));
      return { exitCode: 0, stdout: '', stderr: '' };
    },
  };
  return { port, goOn };
}

test('a blob that is still being written is not taken for whole', async () => {
  const { port, goOn } = inPlace((blobs) => appendFileSync(join(blobs, nameOf(first)), first.subarray(2000)));
  await using exported = await exportImage('x:1', port, signal);
  const blobs = exported.blobs[Symbol.asyncIterator]();
  assert.is((await blobs.next()).value.digest, `sha256:${nameOf(second)}`);
  goOn();
  const { digest, size } = (await blobs.next()).value;
  assert.equal({ digest, size }, { digest: `sha256:${nameOf(first)}`, size: first.length });
  assert.is((await blobs.next()).done, true);
  assert.equal((await exported.manifest).bytes, manifest);
});

test('a blob that never becomes whole is not sent: the error names the image', async () => {
  const { port, goOn } = inPlace(() => undefined);
  await using exported = await exportImage('x:1', port, signal);
  const blobs = exported.blobs[Symbol.asyncIterator]();
  await blobs.next();
  goOn();
  try {
    await blobs.next();
  } catch (error) {
    assert.ok(isPaudeError(error, 'BACKEND_FAILED'), String(error));
    assert.match(error.message, 'x:1');
    return;
  }
  assert.unreachable('it fails');
});

test.run();
