import * as assert from 'uvu/assert';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { hostRulesOf } from '../../lib/egress/network-rules.ts';
import { proxyConfiguration } from '../../lib/egress/proxy-configuration.ts';
import { formatPlan, planOf, verdictOf } from '../../lib/egress/probe.ts';
import { podmanSkip, testImage, testProxyImage } from '../harness/podman-world.ts';
import { suite } from '../harness/suite.ts';
import { OutsideOnPodman } from '../outside/on-podman.ts';

const test = suite('the guarded port of a proxy');
const it = test.skipIf(podmanSkip);
const proxy = `paude-test-${process.pid}-guard`;
const unrouted = `${proxy}-unrouted`;
const translating = `${proxy}-translating`;
const probe = fileURLToPath(new URL('../../lib/image/files/probe', import.meta.url));
let world: OutsideOnPodman;

test.before(() => {
  if (podmanSkip === undefined) world = new OutsideOnPodman();
});
test.after(() => {
  if (podmanSkip !== undefined) return;
  world?.podman('rm', '--force', '--ignore', '--time', '0', proxy, unrouted, translating);
  world?.end();
});

it('it answers by IPv4 and IPv6 where the proxy has both, and the probe finds each that is open', () => {
  world.podman('run', '--detach', '--name', proxy, '--network', world.network, testProxyImage);
  const around = world.podman('exec', proxy, 'paude-proxy', 'around', '', '');
  const guarded = around.split('\n').filter((line) => line.startsWith('guarded '));
  const at = (field: string) =>
    world
      .podman(
        'inspect',
        '--format',
        `{{(index .NetworkSettings.Networks "${world.network}").${field}}}`,
        proxy,
      )
      .trim();
  const addresses = [at('IPAddress'), at('GlobalIPv6Address')];
  assert.equal(guarded, [`guarded ${addresses[0]} 3130`, `guarded ${addresses[1]} 3130`]);
  const plan = planOf(guarded.join('\n'), undefined)!;
  const said = world.runBeside(testImage, ['perl', '-e', readFileSync(probe, 'utf8'), '0'], formatPlan(plan));
  assert.equal(
    verdictOf(plan, said).open,
    addresses.map((address) => `the port of its proxy that is closed to all (${address} port 3130)`),
  );
});

it('a proxy with no route to anywhere says so', () => {
  world.podman('run', '--detach', '--name', unrouted, '--network', 'none', testProxyImage);
  assert.is(world.podman('exec', unrouted, 'paude-proxy', 'around', '', ''), 'no-way-out\nover\n');
});

it('a name that NAT64 has translated is judged by the address that it stands for', () => {
  const closed = { private: 'a01:203', metadata: 'a9fe:a9fe', loopback: '7f00:1', azure: 'a83f:8110' };
  const hosts = { public: 'c633:6402', ...closed };
  const names = Object.keys(hosts).map((of) => world.name(of));
  const rules = hostRulesOf({ agent: [], allow: names.map((name) => `${name}:80`), deny: [] });
  const known = Object.values(hosts).flatMap((last, at) => ['--add-host', `${names[at]}:64:ff9b::${last}`]);
  const env = ['--env', `PAUDE_CONFIGURATION=${proxyConfiguration(rules)}`];
  const run = ['run', '--detach', '--name', translating, '--network', 'none'];
  world.podman(...run, ...known, ...env, testProxyImage);
  world.podman('exec', translating, 'paude-proxy', 'ready');
  const ask = `my $s = IO::Socket::INET->new("127.0.0.1:3128") or die; print $s "GET http://$ARGV[0]/ HTTP/1.0\\r\\n\\r\\n"; print grep { /^HTTP|^X-Squid/ } <$s>`;
  const said = names.map((name) =>
    world.podman('exec', translating, 'perl', '-MIO::Socket::INET', '-e', ask, name),
  );
  // No route leads there, which is not the proxy's to judge.
  assert.match(said[0]!, 'X-Squid-Error: ERR_CONNECT_FAIL');
  for (const answer of said.slice(1)) assert.match(answer, /^HTTP\/1\.1 403 [^]*ERR_ACCESS_DENIED/);
});

test.run();
