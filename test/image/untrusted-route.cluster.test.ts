import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { SessionEvent } from '../../lib/session/events.ts';
import { testCluster } from '../harness/cluster-world.ts';
import { homeWithLogin, kubectl, registrySkip, routeTo } from '../harness/registries.ts';
import { removeSmallImages, smallImage } from '../harness/small-images.ts';
import { suite } from '../harness/suite.ts';
import { portsOf } from './carrying.ts';

const test = suite('a route whose certificate nobody has signed');
const signal = new AbortController().signal;

/** What somebody in between could put there: it takes every request and does nothing. */
async function stranger(folder: string) {
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')];
  const name = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const files = ['-nodes', '-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', ...files, ...name], { stdio: 'ignore' });
  const requests: (string | undefined)[] = [];
  const pair = { key: readFileSync(key), cert: readFileSync(cert) };
  const server = https.createServer(pair, ({ headers }, response) => {
    requests.push(headers.authorization);
    response.writeHead(503).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, requests, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test.skipIf(registrySkip)(
  'is not spoken with, and the next way is gone; with the flag it is, and that is said',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'paude-stranger-'));
    const home = homeWithLogin(testCluster.external);
    const { server, requests, host } = await stranger(folder);
    kubectl(['apply', '-f', '-'], JSON.stringify(routeTo(host)));
    const carry = async (name: string, values: object) => {
      const { cluster, images } = await portsOf(home, 'token', { 'ca-file': undefined, ...values });
      const events: SessionEvent[] = [];
      const report = (event: SessionEvent) => events.push(event);
      await images.carry(cluster, [smallImage(name, 1000)], 'linux/amd64', report, signal);
      return events.flatMap((event) => (event.type === 'notice' ? event.text : [])).join('\n');
    };
    try {
      const said = await carry('verified', {});
      assert.match(said, /certificate of the registry's route .* is not trusted.*trying the next way/);
      assert.equal(requests, []);
      const warned = await carry('unverified', { 'openshift-tls-verify': false });
      assert.match(warned, `the certificate of the registry's route ${host} is not verified`);
      assert.ok(requests.length > 0);
    } finally {
      kubectl(['delete', 'route', 'default-route', '-n', 'openshift-image-registry']);
      server.close();
      server.closeAllConnections();
      for (const one of [folder, home]) rmSync(one, { recursive: true, force: true });
      removeSmallImages();
    }
  },
);

test.run();
