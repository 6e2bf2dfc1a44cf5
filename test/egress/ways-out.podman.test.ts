import * as assert from 'uvu/assert';
import { podmanBackend } from '../../lib/backends/podman/podman-backend.ts';
import { podmanProgram } from '../../lib/backends/podman/podman.ts';
import { sessionName } from '../../lib/names.ts';
import { podmanSkip, testImage, testProxyImage } from '../harness/podman-world.ts';
import { suite } from '../harness/suite.ts';
import { OutsideOnPodman } from '../outside/on-podman.ts';
import { FilteredSessions, never } from './session-ports.ts';
import { waysOut } from './ways-out.ts';

const test = suite('ways out of a session on Podman');
const it = test.skipIf(podmanSkip);
const [one, two] = [sessionName(`ways-${process.pid}-one`), sessionName(`ways-${process.pid}-two`)];
let world: OutsideOnPodman;
let sessions: FilteredSessions;

test.before(async () => {
  if (podmanSkip !== undefined) return;
  world = new OutsideOnPodman();
  const backend = podmanBackend(podmanProgram(world.env), 'tester');
  sessions = new FilteredSessions(backend, { session: testImage, proxy: testProxyImage });
  const { allowed, plain, hidden, hidden6 } = world.surroundings;
  for (const name of [one, two]) {
    await sessions.create(name, { allow: [allowed, `${plain}:80`, hidden, hidden6!].sort() });
    await sessions.start(name);
  }
});
test.after(async () => {
  if (podmanSkip !== undefined) return;
  for (const name of [one, two]) await sessions?.backend.remove(name, never);
  world?.end();
});

it('what is allowed is reached, in TLS and in the clear, and the proof said nothing against it', async () => {
  const { allowed, plain } = world.surroundings;
  const tries = [
    { kind: 'connect', to: `${allowed}:443`, sni: allowed },
    { kind: 'connect', to: `${allowed.toUpperCase()}:443`, sni: allowed },
    { kind: 'raw', bytes: `GET http://${plain}/who HTTP/1.0\r\n\r\n`, expect: ['reached plain'] },
  ];
  const said = await sessions.try(one, tries);
  assert.match(said[0]!, `reached ${allowed}`);
  assert.match(said[1]!, `reached ${allowed}`);
  assert.match(said[2]!, `reached plain ${plain}`);
  assert.equal(sessions.notices, []);
});

it('every way out is closed, and each leads to something that is there', async () => {
  const { surroundings } = world;
  const node = { name: 'this machine', ...(await world.node()) };
  const outer = (name: string) =>
    world
      .podman('inspect', '--format', '{{.NetworkSettings.Networks.podman.IPAddress}}', `proxy-paude-${name}`)
      .trim();
  const neighbours = [
    ...surroundings.neighbours,
    node,
    { name: 'the guarded port of its proxy', address: outer(one), port: 3130 },
    { name: 'the guarded port of another session’s proxy', address: outer(two), port: 3130 },
  ];
  const ways = waysOut({ ...surroundings, neighbours });
  assert.ok(ways.length >= 85, `${ways.length} ways`);
  await sessions.assertClosed(one, ways, world.outside);
});

it('a proxy is for its own session only', async () => {
  const proxyOf = async (name: typeof one) =>
    (await sessions.run(name, ['sh', '-c', 'echo $HTTPS_PROXY'])).out
      .trim()
      .replace('http://', '')
      .split(':');
  const at = await proxyOf(two);
  const { allowed } = world.surroundings;
  const way = { kind: 'connect', to: `${allowed}:443`, sni: allowed, at };
  assert.equal(await sessions.try(one, [way]), [null]);
  assert.match((await sessions.try(two, [way]))[0]!, 'reached');
  // Who is on the way of the machine finds no door, either.
  const outer = world
    .podman('inspect', '--format', '{{.NetworkSettings.Networks.podman.IPAddress}}', `proxy-paude-${two}`)
    .trim();
  assert.equal(await world.outside([{ ...way, at: [outer, 3128] }, way]), [null, null]);
});

it('there is no IPv6, and so no way to the machine by the address that it gives itself', async () => {
  const { out } = await sessions.run(one, ['cat', '/proc/net/if_inet6']);
  assert.is(/eth0/.test(out), false, out);
});

test.run();
