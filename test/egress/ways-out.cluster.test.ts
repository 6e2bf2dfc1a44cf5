import * as assert from 'uvu/assert';
import { openKubernetes } from '../../lib/backends/kubernetes/kubernetes-backend.ts';
import { selectorOf } from '../../lib/backends/kubernetes/network-objects.ts';
import { isPaudeError } from '../../lib/errors.ts';
import { sessionName } from '../../lib/names.ts';
import { clusterEnv, clusterImage, clusterProxyImage, clusterSkip } from '../harness/cluster-world.ts';
import { suite } from '../harness/suite.ts';
import { OutsideOnCluster } from '../outside/on-cluster.ts';
import { FilteredSessions, never } from './session-ports.ts';
import { waysOut } from './ways-out.ts';

const test = suite('ways out of a session on a cluster');
const it = test.skipIf(clusterSkip);
const named = (name: string) => sessionName(`ways-${process.pid}-${name}`);
const [one, two, open] = [named('one'), named('two'), named('open')];
const images = { session: clusterImage, proxy: clusterProxyImage };
let world: OutsideOnCluster;
let plain: FilteredSessions;
let restricted: FilteredSessions;

async function sessionsIn(context: 'plain' | 'restricted'): Promise<FilteredSessions> {
  const env = clusterEnv(context === 'plain' ? 'certificate' : 'token');
  const place = { context, namespace: `paude-${context}` };
  const options = { env, interactive: false, transport: 'auto', everywhere: false, ...place } as const;
  return new FilteredSessions(await openKubernetes(options), images);
}

test.before(async () => {
  if (clusterSkip !== undefined) return;
  world = new OutsideOnCluster();
  plain = await sessionsIn('plain');
  restricted = await sessionsIn('restricted');
  const { allowed, plain: clear, hidden } = world.surroundings;
  const allow = [allowed, `${clear}:80`, hidden].sort();
  await Promise.all([
    plain.create(one, { allow }),
    restricted.create(two, { allow }),
    plain.create(open, { allowNetwork: true }),
  ]);
  await plain.start(open);
  await plain.start(one);
  await restricted.start(two);
});
test.after(async () => {
  if (clusterSkip !== undefined) return;
  for (const name of [one, open]) await plain?.backend.remove(name, never);
  await restricted?.backend.remove(two, never);
  world?.end();
});

const outside = () => async (all: Parameters<FilteredSessions['try']>[1]) => plain.try(open, all);

it('what is allowed is reached, in TLS and in the clear, and the proof said nothing against it', async () => {
  const { allowed, plain: clear } = world.surroundings;
  const tries = [
    { kind: 'connect', to: `${allowed}:443`, sni: allowed },
    { kind: 'raw', bytes: `GET http://${clear}/who HTTP/1.0\r\n\r\n`, expect: ['reached plain'] },
  ];
  const said = [await plain.try(one, tries), await restricted.try(two, tries)];
  for (const [tunnel, request] of said) {
    assert.match(tunnel!, `reached ${allowed}`);
    assert.match(request!, `reached plain ${clear}`);
  }
  assert.equal([...plain.notices, ...restricted.notices], []);
});

// No pod may ping here; that is tried with more rights below.
const ways = () => waysOut(world.surroundings).filter(({ name }) => name !== 'ICMP');

it('every way out is closed, and each leads to something that an open session reaches', async () => {
  assert.ok(ways().length >= 70, `${ways().length} ways`);
  await plain.assertClosed(one, ways(), outside());
});

it('the same where a project has the rights of OpenShift’s', async () => {
  await restricted.assertClosed(two, ways(), outside());
});

it('the node is closed by IPv6, too, at its address on the session’s own wire', async () => {
  const knock = (name: typeof one) => ({
    kind: 'tcp',
    address: world.neighbourOf('paude-plain', `paude-${name}-0`),
    // Its kubelet's.
    port: 10250,
  });
  assert.equal(await plain.try(open, [knock(open)]), ['connected']);
  assert.equal(await plain.try(one, [knock(one)]), [null]);
});

it('ICMP is closed even to root', () => {
  const ping = [{ kind: 'icmp', address: world.surroundings.address }];
  assert.equal(world.asRoot('paude-plain', `${one}-ping`, selectorOf(one, 'session'), ping), [null]);
  assert.match(String(world.asRoot('paude-plain', `${open}-ping`, {}, ping)[0]), 'answered');
});

it('a proxy is for its own session only', async () => {
  const at = async (sessions: FilteredSessions, name: typeof one) =>
    (await sessions.run(name, ['sh', '-c', 'echo $HTTPS_PROXY'])).out
      .trim()
      .replace('http://', '')
      .split(':');
  const { allowed } = world.surroundings;
  const way = { kind: 'connect', to: `${allowed}:443`, sni: allowed, at: await at(restricted, two) };
  assert.equal(await plain.try(one, [way]), [null]);
  assert.equal(await plain.try(open, [way]), [null]);
  assert.match((await restricted.try(two, [way]))[0]!, 'reached');
});

it('nobody reaches a session, and its own service account is not there', async () => {
  await plain.run(one, ['sh', '-c', 'cd /tmp && (python3 -m http.server 8000 >/dev/null 2>&1 &) ; sleep 1']);
  const address = world.kubectl(
    'get',
    'pod',
    `paude-${one}-0`,
    '-n',
    'paude-plain',
    '-o',
    'jsonpath={.status.podIP}',
  );
  const knock = { kind: 'tcp', address, port: 8000 };
  assert.equal(await plain.try(open, [knock]), [null]);
  assert.equal(await plain.try(one, [{ ...knock, address: '127.0.0.1' }]), ['connected']);
  assert.is((await plain.run(one, ['ls', '/var/run/secrets/kubernetes.io'])).code === 0, false);
});

it('a policy that lets others into its proxy is found by a label that only the pod has', async () => {
  const policy = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: `lets-in-${process.pid}`, namespace: 'paude-plain' },
    spec: {
      podSelector: { matchLabels: { 'statefulset.kubernetes.io/pod-name': `proxy-paude-${one}-0` } },
      policyTypes: ['Ingress', 'Egress'],
      egress: [{}],
    },
  };
  world.apply(policy);
  try {
    // Out goes a proxy by itself.
    await plain.start(one);
    world.apply({ ...policy, spec: { ...policy.spec, ingress: [{}] } });
    const error = await plain.start(one).catch((reason: unknown) => reason);
    assert.ok(isPaudeError(error, 'NETWORK_UNENFORCED'), String(error));
    assert.match(error.message, `the policy lets-in-${process.pid} of paude-plain, which lets others into`);
  } finally {
    world.kubectl('delete', 'networkpolicy', policy.metadata.name, '-n', 'paude-plain');
  }
  assert.is((await plain.backend.get(one, never))?.state, 'stopped');
  await plain.start(one);
});

it('another policy that opens a session is found and named, and the session does not run', async () => {
  const policy = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: `opens-${process.pid}`, namespace: 'paude-plain' },
    spec: { podSelector: { matchLabels: selectorOf(one, 'session') }, policyTypes: ['Egress'], egress: [{}] },
  };
  await plain.backend.stop(one, never);
  world.apply(policy);
  try {
    await plain.start(one);
    assert.unreachable();
  } catch (error) {
    assert.ok(isPaudeError(error, 'NETWORK_UNENFORCED'), String(error));
    assert.match(error.message, `the policy opens-${process.pid} of paude-plain opens it`);
    assert.match(error.message, 'reaches');
  } finally {
    world.kubectl('delete', 'networkpolicy', policy.metadata.name, '-n', 'paude-plain');
  }
  assert.is((await plain.backend.get(one, never))?.state, 'stopped');
  await plain.start(one);
});

test.run();
