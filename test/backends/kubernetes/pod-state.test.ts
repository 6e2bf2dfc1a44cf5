import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import * as assert from 'uvu/assert';
import { isRunning, podState } from '../../../lib/backends/kubernetes/pod-state.ts';
import { suite } from '../../harness/suite.ts';

const test = suite('pod state');

/** What the API server would answer: JSON, in which times are texts. */
function pod(container: object | undefined, more: object = {}, ready = false): V1Pod {
  const conditions = [
    { type: 'PodScheduled', status: 'True' },
    ...(ready ? [{ type: 'Ready', status: 'True' }] : []),
  ];
  const statuses = container === undefined ? {} : { containerStatuses: [{ name: 'session', ...container }] };
  return { metadata: {}, status: { phase: 'Running', conditions, ...statuses, ...more } } as unknown as V1Pod;
}

/** A container that ran for so many seconds before it ended last, and waits to be started again. */
function crashed(seconds: number, restartCount: number, reason = 'OOMKilled'): Partial<V1ContainerStatus> {
  const terminated = {
    exitCode: 137,
    reason,
    startedAt: '2026-01-01T10:00:00Z',
    finishedAt: new Date(Date.UTC(2026, 0, 1, 10, 0, seconds)).toISOString(),
  };
  const waiting = { reason: 'CrashLoopBackOff', message: 'back-off 10s restarting failed container' };
  return {
    restartCount,
    state: { waiting },
    lastState: { terminated },
  } as unknown as Partial<V1ContainerStatus>;
}

test('commands can run when its own probe has said so, whatever the pod’s condition says yet', () => {
  const running = { state: { running: { startedAt: '2026-01-01T10:00:00Z' } }, restartCount: 0 };
  assert.is(podState(pod({ ...running, started: false })).type, 'waiting');
  assert.is(podState(pod({ ...running, started: true })).type, 'ready');
  const ended = { state: { terminated: { exitCode: 1 } }, restartCount: 0, started: true };
  assert.is.not(podState(pod(ended)).type, 'ready');
});

test('a pod that runs can be spoken to before it is ready, and not when it is on its way out', () => {
  const running = { state: { running: {} }, started: false };
  assert.is(isRunning(pod(running)), true);
  assert.is(isRunning(pod({ state: { waiting: {} } })), false);
  assert.is(isRunning(undefined), false);
  const going = { metadata: { deletionTimestamp: '2026-01-01T10:00:00Z' } };
  assert.is(isRunning({ ...pod(running), ...going } as unknown as V1Pod), false);
});

test('one that ends whenever it is started won’t get better; one that was well and was killed will', () => {
  assert.equal(podState(pod(crashed(1, 1))), {
    type: 'stuck',
    kind: 'crash',
    why: 'exit code 137, OOMKilled',
  });
  assert.equal(podState(pod(crashed(3600, 7))).type, 'waiting');
  // Killed twice in a row, by a person or with its node.
  assert.equal(podState(pod(crashed(1, 2, 'Error'))).type, 'waiting');
  assert.equal(podState(pod(crashed(1, 4, 'Error'))).type, 'stuck');
  const again = { ...crashed(3600, 7), state: { running: {} } };
  assert.equal(podState(pod(again)), { type: 'waiting', text: 'starting the session in its container' });
  assert.equal(podState(pod(again, {}, true)), { type: 'ready' });
});

test('a node that was just started, or has much to do, makes the container a moment later', () => {
  const waiting = (reason: string, message: string) =>
    podState(pod({ state: { waiting: { reason, message } }, restartCount: 0 }));
  for (const [reason, message] of [
    ['CreateContainerConfigError', 'services have not yet been read at least once, cannot construct envvars'],
    ['CreateContainerError', 'context deadline exceeded'],
    [
      'CreateContainerError',
      'failed to reserve container name "session_x": name "session_x" is reserved for "4f"',
    ],
  ] as const)
    assert.equal(waiting(reason, message), {
      type: 'waiting',
      text: `making the container again: ${message}`,
    });
  const missing = 'secret "x" not found';
  assert.equal(waiting('CreateContainerConfigError', missing), {
    type: 'stuck',
    kind: 'config',
    why: missing,
  });
});

test('what an admission webhook has put before the session is what the pod waits for, or never gets', () => {
  const before = (waiting: object) => {
    const initContainerStatuses = [
      { name: 'well', restartCount: 3, state: { terminated: { exitCode: 0 } } },
      { name: 'added', restartCount: 3, state: { waiting } },
    ];
    const ours = { state: { waiting: { reason: 'PodInitializing' } }, restartCount: 0 };
    return podState(pod(ours, { phase: 'Pending', initContainerStatuses }));
  };
  assert.equal(before({ reason: 'ImagePullBackOff', message: 'Back-off pulling image "y"' }), {
    type: 'stuck',
    kind: 'image',
    why: 'added: Back-off pulling image "y"',
  });
  assert.equal(before({ reason: 'CrashLoopBackOff', message: 'back-off 40s restarting' }), {
    type: 'waiting',
    text: 'waiting for added, which comes before the session: back-off 40s restarting',
  });
  assert.equal(before({ reason: 'PodInitializing' }), { type: 'waiting', text: 'creating the container' });
});

test('one that was evicted is replaced by its StatefulSet', () => {
  const evicted = pod(undefined, {
    phase: 'Failed',
    reason: 'Evicted',
    message: 'The node was low on memory.',
  });
  assert.equal(podState(evicted), {
    type: 'waiting',
    text: 'waiting for another pod: The node was low on memory.',
  });
});

test('one that is going is not ready, whatever it says', () => {
  const going = { ...pod({ restartCount: 0, state: { running: {} } }, {}, true) };
  going.metadata!.deletionTimestamp = new Date();
  assert.equal(podState(going), { type: 'waiting', text: 'waiting for the old pod to end' });
});

test('a volume that is still being made is waited for; a pod that no node has room for is not', () => {
  const unscheduled = (message: string) => {
    const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }];
    return podState(pod(undefined, { phase: 'Pending', conditions }));
  };
  const unbound = '0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.';
  assert.equal(unscheduled(unbound), { type: 'waiting', text: 'waiting for the volume' });
  const full = '0/3 nodes are available: 3 Insufficient cpu.';
  assert.equal(unscheduled(full), { type: 'stuck', kind: 'unschedulable', why: full });
});

test.run();
