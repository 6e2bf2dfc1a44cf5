import type { ServerResponse } from 'node:http';
import * as assert from 'uvu/assert';
import { clusterIn } from '../../../lib/backends/kubernetes/cluster.ts';
import { podDeath } from '../../../lib/backends/kubernetes/pod-death.ts';
import { podsOf } from '../../../lib/backends/kubernetes/watch-pods.ts';
import { isPaudeError } from '../../../lib/errors.ts';
import { sessionName } from '../../../lib/names.ts';
import { suite } from '../../harness/suite.ts';
import { connectTo, fakeServer } from './exec/fake-api-server.ts';

const test = suite('watching pods');
const name = sessionName('fix-auth');
const target = { session: name, pod: 'paude-fix-auth-0', container: 'session' };

function pod(containerID: string, { pod, container } = target, isReady = true): object {
  const containerStatuses = [
    { name: 'another', containerID: 'the same', ready: true, state: { running: {} } },
    { name: container, containerID, ready: true, state: { running: {} } },
  ];
  const conditions = [{ type: 'Ready', status: isReady ? 'True' : 'False' }];
  return { metadata: { name: pod, uid: pod }, status: { conditions, containerStatuses } };
}

const json = (response: ServerResponse, status: number, body: object) =>
  void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

/** An API server of which each list is answered by the next of these, and each watch with silence. */
async function server(lists: readonly ((response: ServerResponse) => void)[]) {
  let asked = 0;
  const watches: ServerResponse[] = [];
  const fake = await fakeServer({
    answer: (request, response) => {
      if (!request.url!.includes('watch=true')) return lists[Math.min(asked++, lists.length - 1)]!(response);
      watches.push(response);
      response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
    },
  });
  return { fake, watches, asked: () => asked, connection: await connectTo(fake.port) };
}
const listing =
  (...items: object[]) =>
  (response: ServerResponse) =>
    json(response, 200, { metadata: { resourceVersion: '1' }, items });
const cut = (response: ServerResponse) => void response.destroy();

test('a watch in which nothing comes is dead when the server should have ended it', async () => {
  const { fake, connection } = await server([]);
  await using _ = fake;
  const { signal } = new AbortController();
  const watch = connection.watch('/api/v1/pods', { timeoutSeconds: 0.05 }, signal);
  const end = await watch[Symbol.asyncIterator]()
    .next()
    .catch((error: unknown) => error);
  assert.is((end as NodeJS.ErrnoException).code, 'ETIMEDOUT', String(end));
});

test('a watch that is cut and a server that is away are waited for, and all is listed anew', async () => {
  const busy = (response: ServerResponse) => json(response, 503, { kind: 'Status', code: 503 });
  const { fake, watches, connection } = await server([listing(), cut, busy, listing(pod('a'))]);
  await using _ = fake;
  const stopping = new AbortController();
  const seen: number[] = [];
  for await (const pods of podsOf(clusterIn(connection, 'work'), name, stopping.signal)) {
    seen.push(pods.length);
    if (pods.length > 0) break;
    // Its watch has to be there to be cut.
    const wait = setInterval(() => watches.forEach((watch) => watch.destroy()), 10);
    stopping.signal.addEventListener('abort', () => clearInterval(wait));
  }
  stopping.abort();
  assert.equal(seen, [0, 1]);
});

test('a server that has too much to do, or whose store has no leader, is waited for', async () => {
  const status = (code: number, message: string) => ({ kind: 'Status', code, message });
  const lists = [
    listing(),
    (response: ServerResponse) => json(response, 429, status(429, 'too many requests')),
    (response: ServerResponse) => json(response, 500, status(500, 'no leader')),
    listing(pod('a')),
  ];
  const { fake, watches, asked, connection } = await server(lists);
  await using _ = fake;
  const stopping = new AbortController();
  const seen: number[] = [];
  const event = { type: 'ERROR', object: status(500, 'unable to decode an event from the watch stream') };
  const wait = setInterval(() => watches.shift()?.end(JSON.stringify(event) + '\n'), 10);
  try {
    for await (const pods of podsOf(clusterIn(connection, 'work'), name, stopping.signal)) {
      seen.push(pods.length);
      if (pods.length > 0) break;
    }
  } finally {
    clearInterval(wait);
    stopping.abort();
  }
  assert.equal(seen, [0, 1]);
  assert.is(asked(), lists.length);
});

test('what is refused is not asked again, and a server that stays away is given up', async () => {
  const forbidden = (response: ServerResponse) =>
    json(response, 403, {
      kind: 'Status',
      code: 403,
      message: 'pods is forbidden: User "x" cannot list resource "pods"',
    });
  for (const [answers, code, away] of [
    [[forbidden], 'FORBIDDEN', Infinity],
    [[cut], 'BACKEND_UNREACHABLE', -1],
  ] as const) {
    const { fake, asked, connection } = await server(answers);
    await using _ = fake;
    const pods = podsOf(clusterIn(connection, 'work'), name, new AbortController().signal, away);
    const end = await pods.next().catch((error: unknown) => error);
    assert.ok(isPaudeError(end, code), String(end));
    assert.is(asked(), 1);
  }
});

const proxy = { ...target, pod: 'proxy-paude-fix-auth-0', container: 'proxy' };
const writer = { ...target, container: 'credentials' };
for (const [how, watched, first, last, words] of [
  ['the pod is gone', target, [pod('a')], [], /its pod was removed/],
  ['the pod is with another container', target, [pod('a')], [pod('b')], /its container has ended/],
  [
    'the proxy is with another container',
    proxy,
    [pod('a'), pod('a', proxy)],
    [pod('a'), pod('b', proxy)],
    /its container has ended/,
  ],
  [
    "the credentials' container is another",
    writer,
    [pod('a', writer)],
    [pod('b', writer)],
    /its container has ended/,
  ],
  [
    'the pod is not ready, but its containers were',
    target,
    [pod('a')],
    [pod('a', target, false)],
    /its node does not answer/,
  ],
] as const) {
  test(`after a cut ${how}: that is its death`, async () => {
    const { fake, watches, connection } = await server([listing(...first), listing(...last)]);
    await using _ = fake;
    const stopping = new AbortController();
    const death = podDeath(clusterIn(connection, 'work'), watched, stopping.signal, 50);
    const wait = setInterval(() => watches.forEach((watch) => watch.destroy()), 10);
    assert.match((await death).message, words);
    clearInterval(wait);
    stopping.abort();
  });
}

/** So many seconds after a stream was opened that is opened now. */
const at = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString().replace(/\.\d+/, '');
const ended = (containerID: string, seconds: number) => ({
  terminated: { containerID, exitCode: 137, finishedAt: at(seconds) },
});
const running = (seconds: number) => ({ running: { startedAt: at(seconds) } });

/** A pod whose container was started again, or is to be. */
function restarted(containerID: string, state: object, lastState: object = {}): object {
  const containerStatuses = [{ name: target.container, containerID, ready: false, state, lastState }];
  const conditions = [{ type: 'Ready', status: 'False' }];
  return { metadata: { name: target.pod, uid: target.pod }, status: { conditions, containerStatuses } };
}

const asRunning = () => pod('a');
const asEnded = () => restarted('a', ended('a', -5));
const asAnother = () => restarted('b', running(-3), ended('a', -5));
/** As a kubelet tells of a container that its runtime does not know any more. */
const lostEnd = { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown', finishedAt: null } };
const asUnknown = () => restarted('b', running(-3), lostEnd);
const waiting = { waiting: { reason: 'CrashLoopBackOff' } };
for (const [how, looks, words] of [
  ['told as running', [asRunning, asAnother], /its pod was removed/],
  ['told as ended', [asEnded, asAnother], /its pod was removed/],
  ['told step by step', [asRunning, asEnded, asAnother], /its pod was removed/],
  [
    'and ours later',
    [asRunning, asEnded, asAnother, () => restarted('b', ended('b', 9))],
    /its container has ended/,
  ],
  [
    'and ours later, which waits to be started',
    [asAnother, () => restarted('b', waiting, ended('b', 9))],
    /has ended/,
  ],
  [
    'ours meanwhile, and the next one runs',
    [() => restarted('a', ended('a', 0)), () => restarted('b', running(4), ended('a', 0))],
    /its container has ended/,
  ],
  [
    'ours meanwhile, and the next one runs when it is first looked at',
    [() => restarted('b', running(8), ended('a', 4))],
    /its container has ended/,
  ],
  [
    'at a time that its node has lost, and ours later',
    [asUnknown, () => restarted('c', waiting, lostEnd)],
    /has ended/,
  ],
] as const) {
  test(`a container that had ended before the stream was opened, ${how}`, async () => {
    const lists = [...looks.map((look) => listing(look())), listing()];
    const { fake, watches, connection, asked } = await server(lists);
    await using _ = fake;
    const stopping = new AbortController();
    const death = podDeath(clusterIn(connection, 'work'), target, stopping.signal, 50);
    const wait = setInterval(() => watches.forEach((watch) => watch.destroy()), 10);
    assert.match((await death).message, words);
    assert.is(asked(), words.source.includes('removed') ? lists.length : looks.length);
    clearInterval(wait);
    stopping.abort();
  });
}

test('of a node that was away, and is there again, what is still said of it ends nothing', async () => {
  const unready = pod('a', target, false);
  const lists = [listing(unready), listing(unready), listing(pod('a')), listing()];
  const { fake, watches, connection, asked } = await server(lists);
  await using _ = fake;
  const stopping = new AbortController();
  const death = podDeath(clusterIn(connection, 'work'), target, stopping.signal, 50);
  const wait = setInterval(() => watches.forEach((watch) => watch.destroy()), 10);
  assert.match((await death).message, /its pod was removed/);
  assert.is(asked(), lists.length);
  clearInterval(wait);
  stopping.abort();
});

test.run();
