import * as assert from 'uvu/assert';
import { openKubernetes } from '../../lib/backends/kubernetes/kubernetes-backend.ts';
import { sessionName } from '../../lib/names.ts';
import { startSession } from '../../lib/session/start-session.ts';
import { handMade } from '../credentials/hand-made.ts';
import {
  clusterSkip,
  clusterEnv,
  clusterImage,
  clusterPlace,
  testCluster,
} from '../harness/cluster-world.ts';
import { noNetwork } from '../harness/no-network.ts';
import { suite } from '../harness/suite.ts';

const test = suite('owners');
const skip =
  clusterSkip ??
  (testCluster.programs === undefined ? 'of another cluster it knows one user only' : undefined);
const it = test.skipIf(skip);
const never = new AbortController().signal;
const name = sessionName(`owners-${process.pid}`);
const open = (user: 'certificate' | 'token') =>
  openKubernetes({
    env: clusterEnv(user),
    interactive: false,
    ...clusterPlace('restricted'),
    transport: 'auto',
    everywhere: false,
  });
const ports = async (user: 'certificate' | 'token', secret: string) => ({
  ...noNetwork,
  backend: await open(user),
  ensureImage: async () => clusterImage,
  credentials: async () => handMade({ 'keys/ANTHROPIC_API_KEY': secret }, {}),
});

test.after(async () => {
  if (skip === undefined) await (await open('token')).remove(name, never);
});

it('of two users of a namespace, each one’s credentials go into the own sessions only', async () => {
  const [bob, alice] = [await ports('token', 'bob’s'), await ports('certificate', 'alice’s')];
  const description = { agent: 'claude', agentArgs: [], packages: [], yolo: false, allowNetwork: true };
  await bob.backend.create({ name, description, image: clusterImage }, () => undefined, never);
  const said: string[] = [];
  const report = (event: { type: string; text?: string }) =>
    void (event.type === 'notice' && said.push(event.text!));
  // She means a session of hers of this name; there is only his.
  assert.is((await startSession(alice, name, report, never)).synced, undefined);
  assert.equal(said, [`the session ${name} is bob's: nothing of your credentials is sent there`]);
  const read = async () => {
    await using tunnel = await bob.backend.open(
      name,
      ['sh', '-c', 'cat /credentials/login/keys/* 2>/dev/null'],
      never,
    );
    tunnel.stdin.end();
    tunnel.stderr.resume();
    const text = (await tunnel.stdout.toArray()).join('');
    await tunnel.exit;
    return text;
  };
  assert.is(await read(), '');
  assert.is((await startSession(bob, name, report, never)).synced?.outcome, 'sent');
  assert.is((await startSession(alice, name, report, never)).synced, undefined);
  assert.is(await read(), 'bob’s');
});

test.run();
