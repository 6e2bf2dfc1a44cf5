import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import * as assert from 'uvu/assert';
import type { WebSocket } from 'ws';
import { ApiStatus } from '../../../../lib/backends/kubernetes/api-connection.ts';
import { execTunnel, type ExecTunnel } from '../../../../lib/backends/kubernetes/exec/exec-tunnel.ts';
import { NoWebSocket, type ExecOptions } from '../../../../lib/backends/kubernetes/exec/open-exec.ts';
import { isPaudeError } from '../../../../lib/errors.ts';
import { suite } from '../../../harness/suite.ts';
import {
  connectTo,
  fakeServer,
  statusFrame,
  target,
  type Behaviour,
  type FakeServer,
} from './fake-api-server.ts';
import { outcome } from './outcome.ts';

const test = suite('exec over a WebSocket');
const frame = (channel: number, bytes: Buffer) => Buffer.concat([Buffer.of(channel), bytes]);

async function open(
  server: FakeServer,
  options: Partial<ExecOptions> = {},
  tty = false,
): Promise<ExecTunnel> {
  const connection = await connectTo(server.port);
  const signal = new AbortController().signal;
  return await execTunnel(connection, target, { signal, ...options }, { tty });
}

/** Sends back what comes on stdin, and ends well when stdin does. */
function cat(ws: WebSocket): void {
  ws.on('message', (data: Buffer) => {
    if (data[0] === 255) ws.send(statusFrame(0));
    else ws.send(frame(1, data.subarray(1)));
  });
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

test('every byte arrives, whatever the size of the frames', async () => {
  const sizes = [0, 1, 2, 65_535, 65_536, 65_537, 131_072, 1_048_577];
  await using server = await fakeServer({ exec: cat });
  for (const size of sizes) {
    const sent = randomBytes(size);
    await using tunnel = await open(server);
    tunnel.stdin.end(sent);
    const { end, stdout, stderr } = await outcome(tunnel);
    assert.is(end, 0);
    assert.ok(stdout.equals(sent), `${size} bytes`);
    assert.is(stderr.length, 0);
  }
});

test('what the server sends arrives at every split of it into frames', async () => {
  const sent = randomBytes(64);
  await using server = await fakeServer({
    exec: (ws, request) => {
      const at = Number(new URL(request.url!, 'http://x').searchParams.get('command'));
      ws.send(frame(1, Buffer.alloc(0)));
      ws.send(frame(1, sent.subarray(0, at)));
      ws.send(frame(1, sent.subarray(at)));
      ws.send(statusFrame(0));
    },
  });
  const connection = await connectTo(server.port);
  const signal = new AbortController().signal;
  for (let at = 0; at <= sent.length; at++) {
    await using tunnel = await execTunnel(connection, { ...target, command: [String(at)] }, { signal });
    assert.ok((await outcome(tunnel)).stdout.equals(sent), `split at ${at}`);
  }
});

test('frames are of 64 KiB at most, and the end of stdin is said once and last', async () => {
  const got: Buffer[] = [];
  await using server = await fakeServer({
    exec: (ws) =>
      ws.on('message', (data: Buffer) => {
        got.push(data);
        if (data[0] === 255) ws.send(statusFrame(0));
      }),
  });
  await using tunnel = await open(server);
  tunnel.stdin.end(randomBytes(200_000));
  await outcome(tunnel);
  assert.equal(
    got.map((data) => data.length),
    [65_537, 65_537, 65_537, 200_000 - 3 * 65_536 + 1, 2],
  );
  assert.equal([...got.at(-1)!], [255, 0]);
});

test('stdout goes on after the end of stdin', async () => {
  await using server = await fakeServer({
    exec: (ws) =>
      ws.on('message', (data: Buffer) => {
        if (data[0] !== 255) return;
        ws.send(frame(1, Buffer.from('after')));
        ws.send(statusFrame(0));
      }),
  });
  await using tunnel = await open(server);
  tunnel.stdin.end();
  assert.is((await outcome(tunnel)).stdout.toString(), 'after');
});

test('stderr is apart, and both keep their order', async () => {
  await using server = await fakeServer({
    exec: (ws) => {
      for (let i = 0; i < 500; i++) ws.send(frame(1 + (i % 2), Buffer.from(`${i}\n`)));
      ws.send(statusFrame(0));
    },
  });
  await using tunnel = await open(server);
  const { stdout, stderr } = await outcome(tunnel);
  const every = (from: number) => Array.from({ length: 250 }, (_, i) => `${2 * i + from}\n`).join('');
  assert.is(stdout.toString(), every(0));
  assert.is(stderr, every(1));
});

test('the exit code is the command’s; a status in pieces is put together', async () => {
  for (const code of [0, 1, 126, 137, 255]) {
    await using server = await fakeServer({
      exec: (ws) => {
        const status = statusFrame(code);
        ws.send(status.subarray(0, 20));
        ws.send(frame(3, status.subarray(20)));
      },
    });
    await using tunnel = await open(server);
    assert.is((await outcome(tunnel)).end, code);
  }
});

test('the code is told only when both streams have been read', async () => {
  await using server = await fakeServer({
    exec: (ws) => {
      ws.send(frame(1, Buffer.from('last words')));
      ws.send(statusFrame(0));
    },
  });
  await using tunnel = await open(server);
  let said = '';
  tunnel.stderr.resume();
  tunnel.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  await tunnel.exit;
  assert.is(said, 'last words');
});

test('a command that can’t be run is told in the server’s words', async () => {
  const status = {
    kind: 'Status',
    status: 'Failure',
    reason: 'InternalError',
    code: 500,
    message: 'no such file',
  };
  await using server = await fakeServer({
    exec: (ws) => ws.send(frame(3, Buffer.from(JSON.stringify(status)))),
  });
  await using tunnel = await open(server);
  const { end } = await outcome(tunnel);
  assert.instance(end, ApiStatus);
  assert.is((end as ApiStatus).message, 'no such file');
});

test('a stream that ends without a status is lost, not done', async () => {
  for (const finish of [(ws: WebSocket) => ws.close(1000), (ws: WebSocket) => ws.terminate()]) {
    await using server = await fakeServer({
      exec: (ws) => ws.send(frame(1, Buffer.from('half')), () => finish(ws)),
    });
    await using tunnel = await open(server);
    const { end } = await outcome(tunnel);
    assert.ok(isPaudeError(end, 'CONNECTION_LOST'), String(end));
    assert.match((end as Error).message, 'fix-auth');
  }
});

test('the close handshake is not waited for', async () => {
  // The server never answers a close: it is gone for good once it has sent the status.
  await using server = await fakeServer({ exec: (ws) => ws.send(statusFrame(0), () => ws.pause()) });
  await using tunnel = await open(server);
  assert.is((await outcome(tunnel)).end, 0);
});

test('a reader that is slow stops the server', async () => {
  let ours: WebSocket | undefined;
  const total = 64 * 1024 * 1024;
  const chunk = frame(1, Buffer.alloc(65_536, 'x'));
  let sent = 0;
  await using server = await fakeServer({
    exec: (ws) => {
      ours = ws;
      const more = () => {
        if (sent >= total) return ws.send(statusFrame(0));
        sent += chunk.length - 1;
        ws.send(chunk, more);
      };
      more();
    },
  });
  await using tunnel = await open(server);
  tunnel.stderr.resume();
  // Nobody reads: what is on its way fills up, and then stands still.
  await until(() => tunnel.stdout.readableLength >= 256 * 1024);
  let last = -1;
  while (last !== sent) {
    last = sent;
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(sent < total / 2, `${sent} bytes were taken`);
  assert.ok(tunnel.stdout.readableLength < 1024 * 1024, `${tunnel.stdout.readableLength} bytes are kept`);
  assert.ok(ours!.bufferedAmount > 0);
  assert.is(await length(tunnel.stdout), total);
  assert.is(await tunnel.exit, 0);
});

test('a server that is slow stops the writer', async () => {
  let ours: WebSocket | undefined;
  let got = 0;
  await using server = await fakeServer({
    exec: (ws) => {
      ours = ws;
      ws.pause();
      ws.on('message', (data: Buffer) => {
        if (data[0] === 255) ws.send(statusFrame(0));
        else got += data.length - 1;
      });
    },
  });
  await using tunnel = await open(server);
  await until(() => ours !== undefined);
  const total = 64 * 1024 * 1024;
  let given = 0;
  const giving = (async () => {
    for (; given < total; given += 1024 * 1024) {
      if (!tunnel.stdin.write(Buffer.alloc(1024 * 1024))) await once(tunnel.stdin, 'drain');
    }
    tunnel.stdin.end();
  })();
  let last = -1;
  while (last !== given || given === 0) {
    last = given;
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(given < total / 2, `${given} bytes were taken`);
  ours!.resume();
  await giving;
  assert.is((await outcome(tunnel)).end, 0);
  assert.is(got, total);
});

test('a server that stops answering is found by its missing pongs', async () => {
  let pings = 0;
  await using server = await fakeServer({
    exec: (ws) => {
      ws.on('ping', () => {
        // Three are answered, then the machine is gone without a word.
        if (++pings === 3) ws.pause();
      });
    },
  });
  await using tunnel = await open(server, { pingInterval: 5 });
  const { end } = await outcome(tunnel);
  assert.ok(isPaudeError(end, 'CONNECTION_LOST'), String(end));
  assert.match((end as Error).message, 'stopped answering');
  assert.is(pings, 3);
});

test('a server that stops taking is found, whatever waits to be sent to it', async () => {
  await using server = await fakeServer({ exec: (ws) => ws.pause() });
  await using tunnel = await open(server, { pingInterval: 5 });
  const taken = new Promise((resolve) => tunnel.stdin.write(Buffer.alloc(64 * 1024 * 1024), resolve));
  const { end } = await outcome(tunnel);
  assert.ok(isPaudeError(end, 'CONNECTION_LOST'), String(end));
  assert.match((end as Error).message, 'does not read its input');
  await taken;
});

test('a server that answers pings stays, however silent the command', async () => {
  let pings = 0;
  await using server = await fakeServer({
    exec: (ws) => ws.on('ping', () => ++pings === 60 && ws.send(statusFrame(4))),
  });
  await using tunnel = await open(server, { pingInterval: 3 });
  assert.is((await outcome(tunnel)).end, 4);
});

test('a reader that takes long is not taken for a dead server', async () => {
  await using server = await fakeServer({
    exec: (ws) => {
      for (let i = 0; i < 40; i++) ws.send(frame(1, Buffer.alloc(65_536)));
      ws.send(statusFrame(0));
    },
  });
  await using tunnel = await open(server, { pingInterval: 2 });
  let ended = false;
  void tunnel.exit.finally(() => (ended = true)).catch(() => undefined);
  // Many times as many intervals as a dead server is given.
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.not(ended);
  assert.is((await outcome(tunnel)).end, 0);
});

test('a pod that died ends the tunnel, with what was seen as the reason', async () => {
  let die!: (error: Error) => void;
  const died = new Promise<Error>((resolve) => (die = resolve));
  await using server = await fakeServer({ exec: (ws) => void ws });
  await using tunnel = await open(server, { death: () => died });
  die(new Error('the pod was evicted'));
  const { end } = await outcome(tunnel);
  assert.ok(isPaudeError(end, 'CONNECTION_LOST'), String(end));
  assert.match((end as Error).message, 'the pod was evicted');
});

test('interrupting ends it here and there, before the upgrade and after it', async () => {
  let closed: Promise<unknown> | undefined;
  await using server = await fakeServer({ exec: (ws) => (closed = once(ws, 'close')) });
  const controller = new AbortController();
  await using tunnel = await open(server, { signal: controller.signal });
  await until(() => closed !== undefined);
  controller.abort();
  assert.ok(isPaudeError((await outcome(tunnel)).end, 'INTERRUPTED'));
  await closed;

  const never = new AbortController();
  await using mute = await fakeServer({ upgrade: () => never.abort() });
  const refused = await open(mute, { signal: never.signal }).catch((error: unknown) => error);
  assert.ok(isPaudeError(refused, 'INTERRUPTED'), String(refused));
});

test('disposing it ends it on both sides', async () => {
  let closed: Promise<unknown> | undefined;
  await using server = await fakeServer({ exec: (ws) => (closed = once(ws, 'close')) });
  const tunnel = await open(server);
  await tunnel[Symbol.asyncDispose]();
  await until(() => closed !== undefined);
  await closed;
  assert.ok(tunnel.stdin.destroyed);
});

/** What comes of an upgrade that is answered like this. */
async function refusal(behaviour: Behaviour): Promise<unknown> {
  await using server = await fakeServer(behaviour);
  return await open(server).then(
    () => 'it was opened',
    (error: unknown) => error,
  );
}

function answering(code: number, body: string): Behaviour {
  return {
    upgrade: (_, socket) =>
      socket.end(
        `HTTP/1.1 ${code} No\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      ),
  };
}

test('a refused upgrade is told with the server’s status', async () => {
  for (const [code, reason] of [
    [400, 'BadRequest'],
    [401, 'Unauthorized'],
    [403, 'Forbidden'],
    [404, 'NotFound'],
    [500, 'InternalError'],
  ] as const) {
    const body = { kind: 'Status', status: 'Failure', reason, code, message: `it is ${reason}` };
    const error = await refusal(answering(code, JSON.stringify(body)));
    assert.instance(error, ApiStatus);
    const { code: told, reason: why, message } = error as ApiStatus;
    assert.equal([told, why, message], [code, reason, `it is ${reason}`]);
  }
  const gateway = await refusal(answering(502, 'bad gateway'));
  assert.instance(gateway, ApiStatus);
  assert.not((gateway as ApiStatus).fromKubernetes);
});

test('a server that has too much to do is asked again when it says so, up to a last time', async () => {
  let [asked, busy] = [0, 2];
  const behaviour: Behaviour = {
    upgrade: (_, socket) => {
      asked++;
      const body = JSON.stringify({ kind: 'Status', code: 429, message: 'it is shutting down' });
      const after = asked > busy ? '' : 'Retry-After: 0\r\n';
      socket.end(
        `HTTP/1.1 429 No\r\n${after}Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
      );
    },
  };
  const error = await refusal(behaviour);
  assert.is(error instanceof ApiStatus && error.code, 429);
  assert.is(asked, 3);
  [asked, busy] = [0, Infinity];
  await refusal(behaviour);
  assert.is(asked, 5);
});

test('where no WebSocket of v5 can be had, that is said', async () => {
  const stripped = { kind: 'Status', reason: 'BadRequest', code: 400, message: 'Upgrade request required' };
  for (const behaviour of [
    { protocols: ['v4.channel.k8s.io'] },
    answering(200, 'a web page'),
    answering(403, 'blocked by the proxy'),
    answering(426, ''),
    answering(400, JSON.stringify(stripped)),
  ]) {
    assert.instance(await refusal(behaviour), NoWebSocket);
  }
});

test('a server that is not there is Node’s own error', async () => {
  const server = await fakeServer({});
  await server[Symbol.asyncDispose]();
  const error = await open(server).catch((reason: unknown) => reason);
  assert.is((error as NodeJS.ErrnoException).code, 'ECONNREFUSED');
});

test('a terminal has one stream, and its size is told', async () => {
  let asked = '';
  await using server = await fakeServer({
    exec: (ws, request) => {
      asked = request.url!;
      ws.on('message', (data: Buffer) => {
        assert.is(data[0], 4);
        ws.send(frame(1, data.subarray(1)));
        ws.send(statusFrame(0));
      });
    },
  });
  await using tunnel = await open(server, {}, true);
  tunnel.resize(120, 40);
  assert.equal(JSON.parse((await outcome(tunnel)).stdout.toString()), { Width: 120, Height: 40 });
  const query = new URL(asked, 'http://x').searchParams;
  assert.equal([query.get('tty'), query.get('stderr'), query.get('stdin')], ['true', 'false', 'true']);
});

async function length(stream: Readable): Promise<number> {
  let all = 0;
  for await (const chunk of stream) all += (chunk as Buffer).length;
  return all;
}

test.run();
