import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { claude } from '../../lib/agents/claude.ts';
import type { PublishedImage } from '../../lib/image/published.ts';
import type { SessionEvent } from '../../lib/session/events.ts';
import type { Description } from '../../lib/session/session.ts';
import { testCluster } from '../harness/cluster-world.ts';
import { externalRegistry, homeWithLogin, registrySkip, type TestRegistry } from '../harness/registries.ts';
import { removeSmallImages, smallImage } from '../harness/small-images.ts';
import { suite } from '../harness/suite.ts';
import { portsOf, refusal } from './carrying.ts';

const test = suite('published images');
const signal = new AbortController().signal;
const description = { agent: 'claude', agentArgs: [], packages: [], yolo: false, allowNetwork: false };
let registry: TestRegistry;
let home: string;

test.before(async () => {
  if (registrySkip !== undefined) return;
  registry = await externalRegistry();
  home = homeWithLogin(registry.host);
  const trusted = join(home, '.config/containers/certs.d', registry.host);
  mkdirSync(trusted, { recursive: true });
  copyFileSync(join(testCluster.state, 'pki/ca.crt'), join(trusted, 'ca.crt'));
});
test.after(() => {
  if (registrySkip !== undefined) return;
  registry.end();
  removeSmallImages();
  rmSync(home, { recursive: true, force: true });
});

/** Puts an image there as somebody would who publishes it; gives its digest. */
function publish(name: string): string {
  const file = join(home, 'digest');
  const flags = ['--quiet', '--tls-verify=false', '--authfile', join(home, '.config/containers/auth.json')];
  const target = `${registry.host}/me/${name}:latest`;
  execFileSync('podman', ['push', ...flags, '--digestfile', file, smallImage('published', 3000), target]);
  registry.log();
  return readFileSync(file, 'utf8').trim();
}

const record = (name: PublishedImage['name'], digest: string): PublishedImage =>
  name === 'paude-proxy'
    ? { name, architecture: 'amd64', digest }
    : { name, architecture: 'amd64', digest, agent: 'claude', version: claude.version };

/** What a session gets where there is no Podman, so that nothing can be built; and what was said. */
async function got(published: readonly PublishedImage[], more: Partial<Description> = {}) {
  const values = { 'ca-file': undefined, registry: `${registry.host}/me` };
  const podmanEnv = { PATH: home };
  const { cluster, images } = await portsOf(home, 'certificate', values, { published, podmanEnv });
  const events: SessionEvent[] = [];
  const wanted = [cluster, { ...description, ...more }, (event: SessionEvent) => events.push(event), signal];
  type Wanted = Parameters<typeof images.carried>;
  const both = [images.carried(...(wanted as Wanted)), images.carriedProxy(...(wanted as Wanted))];
  // Who waits for it hears of it; it is not to end the test before.
  for (const one of both) one.catch(() => undefined);
  return { session: both[0]!, proxy: both[1]!, events };
}

test.skipIf(registrySkip)('those whose digests are recorded are used, without Podman', async () => {
  const [session, proxy] = [publish('paude-session'), publish('paude-proxy')];
  const found = await got([record('paude-session', session), record('paude-proxy', proxy)]);
  assert.is(await found.session, `${registry.host}/me/paude-session@${session}`);
  assert.is(await found.proxy, `${registry.host}/me/paude-proxy@${proxy}`);
  assert.equal(found.events, []);
});

test.skipIf(registrySkip)('a stranger’s image of the same name is not even asked for', async () => {
  publish('paude-session');
  const none = await got([]);
  for (const work of [none.session, none.proxy]) {
    const { code, message } = await refusal(work);
    assert.is(code, 'BACKEND_MISSING');
    assert.match(message, 'which it takes to build');
  }
  assert.equal(registry.log(), []);
});

test.skipIf(registrySkip)('what has been put in its place is not used, and that is said', async () => {
  const recorded = publish('paude-session').replace(/[0-9a-f]{8}$/, '00000000');
  const { session, proxy, events } = await got([record('paude-session', recorded)]);
  for (const work of [session, proxy]) assert.is((await refusal(work)).code, 'BACKEND_MISSING');
  const text = `the published image ${registry.host}/me/paude-session@${recorded} is not used: it is not there`;
  assert.equal(events, [{ type: 'notice', text }]);
});

test.skipIf(registrySkip)('a session with something of its own has none', async () => {
  const digest = publish('paude-session');
  const { session, proxy } = await got([record('paude-session', digest)], { packages: ['make'] });
  for (const work of [session, proxy]) assert.is((await refusal(work)).code, 'BACKEND_MISSING');
  assert.equal(registry.log(), []);
});

test.run();
