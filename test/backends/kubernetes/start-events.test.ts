import type { CoreV1Event } from '@kubernetes/client-node';
import * as assert from 'uvu/assert';
import { clusterIn, type Cluster } from '../../../lib/backends/kubernetes/cluster.ts';
import { startEvent, startEvents } from '../../../lib/backends/kubernetes/start-events.ts';
import { sessionName } from '../../../lib/names.ts';
import { suite } from '../../harness/suite.ts';
import { connectTo, fakeServer } from './exec/fake-api-server.ts';

const test = suite('what a cluster tells of a start');
const cluster = { context: 'here', namespace: 'work' } as Cluster;

const told = (kind: string, object: string, reason: string, message: string) =>
  startEvent(cluster, sessionName('a'), {
    involvedObject: { kind, name: object },
    reason,
    message,
  } as CoreV1Event);

test('of a pod that can’t be made it is told whose it is, and what to look at', () => {
  const quota = 'create Pod proxy-paude-a-0 failed error: pods "x" is forbidden: exceeded quota: pods';
  const event = told('StatefulSet', 'proxy-paude-a', 'FailedCreate', quota);
  assert.is(event?.type === 'refused' && event.part, 'proxy');
  const { error } = event as Extract<typeof event, { type: 'refused' }>;
  assert.is(error.code, 'QUOTA_EXCEEDED');
  assert.is(error.message, `the session a can't start: its proxy: ${quota}`);
  assert.match(error.hint!, 'oc describe pod proxy-paude-a-0 -n work --context=here');
  const own = told('StatefulSet', 'paude-a', 'FailedCreate', 'admission webhook "x" denied the request');
  assert.is(own?.type === 'refused' && `${own.part} ${own.error.code}`, 'session ADMISSION_REFUSED');
});

test('a volume that nothing can make is final; a provisioner that failed may try again', () => {
  const claim = (reason: string, message: string) => {
    const event = told('PersistentVolumeClaim', 'paude-a', reason, message);
    return event?.type === 'volume' ? event.final : event;
  };
  assert.is(claim('ProvisioningFailed', 'storageclass.storage.k8s.io "typo" not found'), true);
  const none = 'no persistent volumes available for this claim and no storage class is set';
  assert.is(claim('FailedBinding', none), true);
  assert.is(claim('ProvisioningFailed', 'rpc error: code = DeadlineExceeded'), false);
  assert.is(claim('WaitForFirstConsumer', 'waiting for first consumer to be created'), undefined);
});

test('what the node does for a pod is told, with the size of its image once that is known', () => {
  const pod = (reason: string, message: string) => {
    const event = told('Pod', 'paude-a-0', reason, message);
    return event?.type === 'doing' ? event.text : event;
  };
  assert.is(pod('Pulling', 'Pulling image "quay.io/me/x"'), 'pulling image "quay.io/me/x"');
  const pulled =
    'Successfully pulled image "x" in 3.2s (3.2s including waiting). Image size: 412345678 bytes.';
  assert.is(pod('Pulled', pulled), 'creating the container; its image of 412 MB is there');
  assert.is(pod('Pulled', 'Container image "x" already present on machine'), undefined);
  assert.is(pod('FailedMount', 'no such disk'), 'mounting the volume: no such disk');
  assert.is(pod('Killing', 'Stopping container session'), undefined);
});

test('another object is none of its concern', () => {
  assert.is(told('Pod', 'paude-ab-0', 'Pulling', 'Pulling image "x"'), undefined);
  assert.is(told('PersistentVolumeClaim', 'paude-b', 'ProvisioningFailed', 'x'), undefined);
});

test('an API server that has a fault of its own while it is listened to ends no start', async () => {
  let watches = 0;
  const involvedObject = { kind: 'Pod', name: 'paude-a-0' };
  const pulling = { metadata: {}, involvedObject, reason: 'Pulling', message: 'Pulling image "x"' };
  const fault = (code: number) => ({ kind: 'Status', code, message: 'no leader' });
  const lines = [
    { type: 'ERROR', object: fault(500) },
    { type: 'ERROR', object: fault(429) },
    { type: 'ADDED', object: pulling },
  ];
  await using server = await fakeServer({
    answer: ({ url = '' }, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const listed = { metadata: { resourceVersion: '1' }, items: [] };
      response.end(JSON.stringify(url.includes('watch=true') ? lines[watches++] : listed) + '\n');
    },
  });
  const stopping = new AbortController();
  const there = clusterIn(await connectTo(server.port), 'work');
  for await (const event of startEvents(there, sessionName('a'), stopping.signal)) {
    assert.is(event.type === 'doing' && event.text, 'pulling image "x"');
    break;
  }
  stopping.abort();
  assert.is(watches, lines.length);
});

test.run();
