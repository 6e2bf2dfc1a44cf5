import type { ServerResponse } from 'node:http';
import * as assert from 'uvu/assert';
import { clusterIn } from '../../../lib/backends/kubernetes/cluster.ts';
import { explained, survived, unanswered } from '../../../lib/backends/kubernetes/explain-failure.ts';
import { ApiStatus } from '../../../lib/backends/kubernetes/exec/api-status.ts';
import { foundWithin } from '../../../lib/backends/kubernetes/exec/heartbeat.ts';
import { keys, labelsOf, objectName, podName } from '../../../lib/backends/kubernetes/objects.ts';
import { PaudeError } from '../../../lib/errors.ts';
import { parting } from '../../../lib/session/lease.ts';
import { suite } from '../../harness/suite.ts';
import { connectTo, fakeServer, target, type Behaviour, type FakeServer } from './exec/fake-api-server.ts';

const test = suite('why a command could not run, or its connection broke');
const never = new AbortController().signal;
const lost = new PaudeError('CONNECTION_LOST', 'the server has stopped answering');
const { session: name } = target;
const pod = { ...target, pod: podName(name), container: 'session' };

const set = {
  metadata: {
    name: objectName(name),
    labels: labelsOf(name, 'ada'),
    annotations: { [keys.spec]: JSON.stringify({ name }) },
  },
  spec: { replicas: 1 },
};
const ready = {
  metadata: { name: pod.pod },
  status: {
    phase: 'Running',
    conditions: [{ type: 'Ready', status: 'True' }],
    containerStatuses: [{ name: 'session', ready: true, state: { running: {} } }],
  },
};

function send(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

const missing = (response: ServerResponse) =>
  send(response, 404, { kind: 'Status', code: 404, reason: 'NotFound', details: { name: 'it' } });

async function portsTo({ port }: FakeServer) {
  return {
    cluster: clusterIn(await connectTo(port), 'work'),
    env: {},
    transport: async () => 'websocket' as const,
  };
}

/** Why the connection was lost, as it is told; who answers nothing for so long is asked no more. */
async function told(fake: FakeServer, signal: AbortSignal, limits = {}): Promise<string> {
  return (await explained(await portsTo(fake), pod, lost, signal, limits)).code;
}

test('an API server that is silent is soon asked no more: it is why', async () => {
  await using fake = await fakeServer({
    answer: (_, response) => void setTimeout(() => missing(response), 2000).unref(),
  });
  assert.is(await told(fake, never, { patience: 50 }), 'CONNECTION_LOST');
  assert.is(await told(fake, never), 'SESSION_UNKNOWN');
});

test('finding a silent line, asking why, and leaving the lease come to less than a minute', () => {
  assert.ok(foundWithin + unanswered + parting < 60_000);
});

test('a command that was killed went with its pod or its session, or alone', async () => {
  let asked = 0;
  let [isThere, state] = [true, missing];
  await using fake = await fakeServer({
    answer: ({ url = '' }, response) => {
      asked++;
      if (!url.includes('statefulsets')) return state(response);
      if (isThere) send(response, 200, set);
      else missing(response);
    },
    upgrade: (_, socket) => void socket.destroy(),
  });
  const ports = await portsTo(fake);
  const end = (code: number) =>
    survived(ports, pod, code, never).catch((error: PaudeError) => error.code as string);
  assert.is(await end(3), 3);
  assert.is(asked, 0);
  assert.is(await end(137), 'SESSION_DIED');
  isThere = false;
  assert.is(await end(137), 'SESSION_UNKNOWN');
  [isThere, state] = [true, (response) => send(response, 200, ready)];
  assert.is(await end(137), 137);
});

test('one that answers may take longer than that to hear of a container’s end', async () => {
  let looks = 0;
  const began = Date.now();
  let last = began;
  await using fake = await fakeServer({
    answer: ({ url = '' }, response) => {
      if (url.includes('statefulsets')) return send(response, 200, set);
      looks++;
      last = Date.now();
      if (looks <= 2) send(response, 200, ready);
      else missing(response);
    },
    upgrade: (_, socket) => {
      const said = JSON.stringify({ kind: 'Status', code: 500, message: 'error dialing backend: no route' });
      const head = `HTTP/1.1 500 Error\r\ncontent-type: application/json\r\ncontent-length: ${said.length}`;
      socket.end(`${head}\r\n\r\n${said}`);
    },
  });
  // No two looks are so near to each other.
  assert.is(await told(fake, never, { patience: 400 }), 'SESSION_DIED');
  assert.ok(last - began > 400);
});

test('an interrupt ends the asking', async () => {
  const interrupt = new AbortController();
  await using fake = await fakeServer({
    answer: (_, response) => {
      interrupt.abort();
      setTimeout(() => missing(response), 2000).unref();
    },
  });
  assert.is(await told(fake, interrupt.signal), 'INTERRUPTED');
});

test('a server that refuses a command and then falls silent can’t be reached, and nobody has interrupted', async () => {
  const refused = new ApiStatus('exec', 500, { message: 'container not found ("session")' });
  const found = (url = '') => (url.includes('statefulsets') ? set : ready);
  for (const silent of [
    { answer: () => undefined },
    { answer: ({ url }, response) => send(response, 200, found(url)), upgrade: () => undefined },
  ] satisfies Behaviour[]) {
    await using fake = await fakeServer(silent);
    const error = await explained(await portsTo(fake), pod, refused, never, { time: 200 });
    assert.is(error.code, 'BACKEND_UNREACHABLE', String(error));
    assert.match(error.message, 'it has not answered for 0.2 s');
  }
});

test.run();
