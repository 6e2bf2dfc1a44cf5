import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { podmanProgram } from '../../lib/backends/podman/podman.ts';
import { isPaudeError } from '../../lib/errors.ts';
import { imageId } from '../../lib/image/base-image.ts';
import { largeFolder } from '../../lib/image/export-image.ts';
import { externalRegistry, homeWithLogin, registrySkip, type TestRegistry } from '../harness/registries.ts';
import { removeSmallImages, smallImage } from '../harness/small-images.ts';
import { suite } from '../harness/suite.ts';
import { tcpProxy, type TcpProxy } from '../harness/tcp-proxy.ts';

const test = suite('pulling a base image');
const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
const size = 12_000_000;
let registry: TestRegistry;
let line: TcpProxy;
let home: string;
let baseImage: string;

/** A slow line to a registry, whose certificate is for another address. */
test.before(async () => {
  if (registrySkip !== undefined) return;
  registry = await externalRegistry();
  const [host, port] = registry.host.split(':');
  line = await tcpProxy(host!, Number(port), { rate: 4_000_000 });
  const near = `127.0.0.1:${line.port}`;
  home = homeWithLogin(near);
  writeFileSync(join(home, 'registries.conf'), `[[registry]]\nlocation = "${near}"\ninsecure = true\n`);
  baseImage = `${near}/me/base:${process.pid}`;
  await ran('push', '--quiet', smallImage('base', size), baseImage);
  // Podman pulls no layer that it has.
  removeSmallImages();
});
test.after(async () => {
  if (registrySkip !== undefined) return;
  await ran('rmi', '--force', baseImage);
  await line[Symbol.asyncDispose]();
  registry.end();
  rmSync(home, { recursive: true, force: true });
});

const env = () => ({
  ...process.env,
  REGISTRY_AUTH_FILE: join(home, '.config/containers/auth.json'),
  CONTAINERS_REGISTRIES_CONF: join(home, 'registries.conf'),
});
const podman = () => podmanProgram(env());
/** The line is in this process: who waits for Podman must not hold it up. */
async function ran(...args: string[]): Promise<void> {
  const { exitCode, stderr } = await podman().run(args, { signal: new AbortController().signal });
  assert.is(exitCode, 0, stderr);
}
const left = () => readdirSync(largeFolder()).filter((name) => name.startsWith('git-paude-pull-'));

test.skipIf(registrySkip)('Ctrl-C in the middle: nothing is left of it', async () => {
  const before = left();
  const stopping = new AbortController();
  const error = await imageId(
    { baseImage, architecture },
    podman(),
    ({ type }) => type === 'progress' && stopping.abort(),
    stopping.signal,
  ).catch((thrown: unknown) => thrown);
  assert.ok(isPaudeError(error, 'INTERRUPTED'), String(error));
  assert.equal(left(), before);
});

test.skipIf(registrySkip)('shows how many bytes have come', async () => {
  const seen: number[] = [];
  const id = await imageId(
    { baseImage, architecture },
    podman(),
    (event) => event.type === 'progress' && seen.push(event.done),
    new AbortController().signal,
  );
  assert.match(id, /^[0-9a-f]{64}$/);
  assert.ok(seen.length > 1 && seen.at(-1)! <= size * 1.1, seen.join());
  assert.ok(seen.every((done, index) => index === 0 || done >= seen[index - 1]!));
});

test.run();
