import * as assert from 'uvu/assert';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { formatPlan, planOf, verdictOf } from '../../lib/egress/probe.ts';
import { podmanSkip, testImage, testProxyImage } from '../harness/podman-world.ts';
import { suite } from '../harness/suite.ts';
import { OutsideOnPodman } from '../outside/on-podman.ts';

const test = suite('the guarded port of a proxy');
const it = test.skipIf(podmanSkip);
const proxy = `paude-test-${process.pid}-guard`;
const unrouted = `${proxy}-unrouted`;
const probe = fileURLToPath(new URL('../../lib/image/files/probe', import.meta.url));
let world: OutsideOnPodman;

test.before(() => {
  if (podmanSkip === undefined) world = new OutsideOnPodman();
});
test.after(() => {
  if (podmanSkip !== undefined) return;
  world?.podman('rm', '--force', '--ignore', '--time', '0', proxy, unrouted);
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
  assert.is(world.podman('exec', unrouted, 'paude-proxy', 'around', '', ''), 'no-way-out\n');
});

test.run();
