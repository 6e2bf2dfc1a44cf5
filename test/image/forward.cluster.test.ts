import { createHash, randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { openCluster } from '../../lib/backends/kubernetes/kubernetes-backend.ts';
import { clusterRegistry } from '../../lib/backends/kubernetes/registry/cluster-registry.ts';
import { repository } from '../../lib/image/registry.ts';
import { hasBlob, uploadBlob } from '../../lib/image/upload-blob.ts';
import { clusterEnv, testCluster } from '../harness/cluster-world.ts';
import { registrySkip } from '../harness/registries.ts';
import { suite } from '../harness/suite.ts';

const test = suite('port-forward');
const signal = new AbortController().signal;
const folder = mkdtempSync(join(tmpdir(), 'paude-forward-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** Stands between us and the API server, and breaks every connection when so many more bytes have gone to it. */
async function breakingProxy(server: URL, everyBytes: number, times: number) {
  const open = new Set<Socket>();
  const counts = { bytes: 0, breaks: 0 };
  const proxy = createServer((near) => {
    const far = connect(Number(server.port), server.hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.on('error', () => undefined).on('close', () => to.destroy());
      from.pipe(to);
    }
    near.on('data', (chunk: Buffer) => {
      counts.bytes += chunk.length;
      if (counts.breaks >= times || counts.bytes < (counts.breaks + 1) * everyBytes) return;
      counts.breaks++;
      for (const one of open) one.destroy();
      open.clear();
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return { port: (proxy.address() as AddressInfo).port, counts, end: () => proxy.close() };
}

/** A file of so many bytes, and its digest. */
function noise(size: number) {
  const path = join(folder, 'blob');
  const piece = randomBytes(1024 * 1024);
  const hash = createHash('sha256');
  const file = openSync(path, 'w');
  for (let at = 0; at < size; at += piece.length) {
    piece.writeUInt32LE(at / piece.length);
    hash.update(piece);
    writeSync(file, piece);
  }
  closeSync(file);
  return { path, size, digest: `sha256:${hash.digest('hex')}` };
}

test.skipIf(registrySkip)(
  'a layer of 1 GB arrives whole, with the forward killed three times in the middle',
  async () => {
    const kubeconfig = JSON.parse(readFileSync(testCluster.token, 'utf8')) as {
      clusters: { cluster: { server: string } }[];
    };
    const entry = kubeconfig.clusters[0]!.cluster;
    const proxy = await breakingProxy(new URL(entry.server), 100_000_000, 3);
    entry.server = `https://127.0.0.1:${proxy.port}`;
    const path = join(folder, 'kubeconfig');
    writeFileSync(path, JSON.stringify(kubeconfig));
    const env = { ...clusterEnv('token'), KUBECONFIG: path, NO_PROXY: '127.0.0.1' };
    const cluster = await openCluster({
      env,
      interactive: false,
      context: 'plain',
      namespace: 'paude-plain',
    });
    const inside = clusterRegistry(cluster);
    const wire = await inside.forward(signal);
    assert.ok(wire);
    const login = async () => {
      const { username, token } = (await inside.login(signal))!;
      return { kind: 'password', username, password: token } as const;
    };
    try {
      const target = repository(wire, 'paude-plain/big', { login });
      const blob = noise(1024 * 1024 * 1024);
      const begin = performance.now();
      assert.is(await uploadBlob(target, blob, () => undefined, signal), true);
      const seconds = ((performance.now() - begin) / 1000).toFixed(1);
      assert.is(proxy.counts.breaks, 3);
      // The registry took it for what its digest says: it has hashed every byte.
      assert.is(await hasBlob(target, blob, signal), true);
      process.stdout.write(`1 GiB in ${seconds} s, ${Math.round(proxy.counts.bytes / 1e6)} MB sent\n`);
    } finally {
      wire.close?.();
      proxy.end();
    }
  },
);

test.run();
