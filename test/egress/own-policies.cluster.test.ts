import * as assert from 'uvu/assert';
import { openKubernetes } from '../../lib/backends/kubernetes/kubernetes-backend.ts';
import { isPaudeError } from '../../lib/errors.ts';
import { sessionName } from '../../lib/names.ts';
import {
  clusterEnv,
  clusterImage,
  clusterPlace,
  clusterProxyImage,
  clusterSkip,
} from '../harness/cluster-world.ts';
import { until } from '../harness/cluster-repository.ts';
import { suite } from '../harness/suite.ts';
import { kubectl } from '../journeys/cluster-admin.ts';
import { FilteredSessions, never } from './session-ports.ts';

const test = suite('the own policies of a session on a cluster');
const it = test.skipIf(clusterSkip);
const name = sessionName(`own-${process.pid}`);
const place = clusterPlace('plain');
const policies = [`paude-${name}`, `proxy-paude-${name}`] as const;
let sessions: FilteredSessions;

const netpol = (verb: string, ...args: readonly string[]) =>
  kubectl([verb, 'networkpolicy', '-n', place.namespace, ...args]);
const specs = () => netpol('get', ...policies, '-o', 'jsonpath={.items[*].spec}');
const state = async () => (await sessions.backend.get(name, never))?.state;

/** Whether the session gets past its proxy: to the API server. */
async function isOpen(): Promise<boolean> {
  const address = kubectl([
    'get',
    'service',
    'kubernetes',
    '-n',
    'default',
    '-o',
    'jsonpath={.spec.clusterIP}',
  ]);
  const [answer] = await sessions.try(name, [{ kind: 'tcp', address, port: 443 }]);
  return answer !== null;
}

async function refused(): Promise<string> {
  const error = await sessions.start(name).catch((reason: unknown) => reason);
  assert.ok(isPaudeError(error, 'NETWORK_UNENFORCED'), String(error));
  assert.not.match(error.message, 'does not enforce');
  return `${error.message}\n${error.hint}`;
}

test.before(async () => {
  if (clusterSkip !== undefined) return;
  const options = { interactive: false, transport: 'auto', everywhere: false, ...place } as const;
  const backend = await openKubernetes({ ...options, env: clusterEnv('certificate') });
  sessions = new FilteredSessions(backend, { session: clusterImage, proxy: clusterProxyImage });
  await sessions.create(name);
});
test.after(async () => {
  if (clusterSkip === undefined) await sessions.backend.remove(name, never);
});

it('gone from one that is stopped, they are made again as they were, and the start proves it', async () => {
  const before = specs();
  netpol('delete', ...policies);
  await sessions.start(name);
  const [own, proxy] = policies;
  const said = `of the session ${name} was gone, and is made again: NetworkPolicy ${own}, NetworkPolicy ${proxy}`;
  assert.equal(sessions.notices, [said]);
  assert.is(specs(), before);
  assert.is(await isOpen(), false);
});

it('gone from one that runs, it is open until it is connected to, which closes and proves it', async () => {
  const before = specs();
  netpol('delete', policies[0]);
  await until(isOpen, (open) => open);
  await sessions.start(name);
  assert.match(sessions.notices.at(-1)!, `is made again: NetworkPolicy ${policies[0]}`);
  assert.is(await isOpen(), false);
  assert.is(specs(), before);
  const told = sessions.notices.length;
  await sessions.start(name);
  assert.is(sessions.notices.length, told, 'there was nothing to tell');
});

it('changed, it is named with the command after which a start makes it anew, and the session is stopped', async () => {
  const patch = JSON.stringify([{ op: 'add', path: '/spec/egress/-', value: {} }]);
  netpol('patch', policies[0], '--type=json', '-p', patch);
  const said = await refused();
  assert.match(said, `its own NetworkPolicy ${policies[0]} was changed`);
  assert.match(said, `kubectl delete networkpolicy ${policies[0]} -n ${place.namespace} --context=`);
  assert.is(await state(), 'stopped');
  netpol('delete', policies[0]);
  await sessions.start(name);
  assert.is(await isOpen(), false);
});

it('a copy of it that opens the session is found, with all of our labels', async () => {
  const policy = JSON.parse(netpol('get', policies[0], '-o', 'json')) as { metadata: object; spec: object };
  const { labels } = policy.metadata as { labels: object };
  const copy = `copy-${process.pid}`;
  kubectl(['create', '-f', '-'], {
    ...policy,
    metadata: { name: copy, namespace: place.namespace, labels },
    spec: { ...policy.spec, egress: [{}] },
  });
  try {
    assert.match(await refused(), `the policy ${copy} of ${place.namespace} opens it`);
  } finally {
    netpol('delete', copy);
  }
  assert.is(await state(), 'stopped');
});

it('what was made again goes with its session', async () => {
  await sessions.backend.remove(name, never);
  assert.is(netpol('get', '-l', `paude.io/session=${name}`, '-o', 'name'), '');
});

test.run();
