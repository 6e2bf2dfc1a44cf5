import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import type https from 'node:https';
import { connect as connectSocket, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { TLSSocket } from 'node:tls';
import { inspect } from 'node:util';
import * as assert from 'uvu/assert';
import type { WebSocket } from 'ws';
import {
  ApiStatus,
  connect,
  KubeconfigError,
  type ApiConnection,
} from '../../../../lib/backends/kubernetes/api-connection.ts';
import { execTunnel } from '../../../../lib/backends/kubernetes/exec/exec-tunnel.ts';
import { proxyFor } from '../../../../lib/backends/kubernetes/kubeconfig/proxy.ts';
import { isPaudeError } from '../../../../lib/errors.ts';
import { suite } from '../../../harness/suite.ts';
import {
  connectTo,
  fakeServer,
  folder,
  kubeconfig,
  statusFrame,
  target,
  type Folder,
} from './fake-api-server.ts';

const test = suite('the connection to an API server');
const signal = new AbortController().signal;
let files: Folder;
let tls: https.ServerOptions;

test.before(async () => {
  files = await folder();
  const run = (...args: string[]) => execFileSync('openssl', args, { cwd: files.path, stdio: 'ignore' });
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  run('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=ca', '-days', '2');
  await files.write('names', 'subjectAltName=DNS:api.example');
  for (const name of ['server', 'user']) {
    run('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names'];
    run('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.crt`, '-days', '2', ...signed);
  }
  const [cert, own, ca] = ['server.crt', 'server.key', 'ca.crt'].map((name) =>
    readFileSync(join(files.path, name)),
  );
  tls = { cert: cert!, key: own!, ca: ca!, requestCert: true, rejectUnauthorized: false };
});
test.after(async () => files[Symbol.asyncDispose]());

async function load(
  config: string,
  env: NodeJS.ProcessEnv = {},
  interactive = false,
): Promise<ApiConnection> {
  const file = await files.write('config', config);
  return await connect(undefined, {
    env: { PATH: process.env['PATH'], ...env, KUBECONFIG: file },
    interactive,
  });
}

async function failure(promise: Promise<unknown>): Promise<Error> {
  return await promise.then(
    () => new Error('it succeeded'),
    (error: Error) => error,
  );
}

test('JSON goes out and comes in', async () => {
  let got = '';
  await using server = await fakeServer({
    answer: (request, response) => {
      void buffer(request).then((body) => {
        got = `${request.method} ${request.url} ${request.headers['content-type']} ${body.toString()}`;
        response.writeHead(201, { 'content-type': 'application/json' }).end('{"kind":"Pod"}');
      });
    },
  });
  const connection = await connectTo(server.port);
  const answer = await connection.request<{ kind: string }>('PATCH', '/api/v1/x', {
    query: { fieldManager: 'git-paude', force: false, none: undefined },
    body: { a: 'ü' },
    contentType: 'application/apply-patch+yaml',
  });
  assert.equal(answer, { status: 201, body: { kind: 'Pod' } });
  assert.is(got, 'PATCH /api/v1/x?fieldManager=git-paude&force=false application/apply-patch+yaml {"a":"ü"}');
  assert.is(server.requests[0]!.headers.authorization, 'Bearer secret');
  assert.equal([connection.context, connection.namespace, connection.user], ['here', 'work', 'here']);
});

test('one connection serves many requests, and one that the server has closed is replaced', async () => {
  await using server = await fakeServer({});
  const connection = await connectTo(server.port);
  for (let i = 0; i < 3; i++) await connection.request('GET', '/version');
  assert.is(new Set(server.requests.map((request) => request.socket.remotePort)).size, 1);
  for (const socket of server.sockets) socket.destroy();
  assert.is((await connection.request('GET', '/version')).status, 200);
});

test('a refusal is the API server’s, in its words', async () => {
  const body = {
    kind: 'Status',
    reason: 'NotFound',
    code: 404,
    message: 'gone',
    details: { name: 'x', kind: 'pods' },
  };
  await using server = await fakeServer({
    answer: (_, response) =>
      response.writeHead(404, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
  });
  const error = await failure((await connectTo(server.port)).request('GET', '/api/v1/pods/x'));
  assert.instance(error, ApiStatus);
  const { code, reason, message, details } = error as ApiStatus;
  assert.equal([code, reason, message, details], [404, 'NotFound', 'gone', body.details]);
});

test('a watch gives each event as it comes, wherever it is split', async () => {
  const lines = ['ADDED', 'MODIFIED', 'DELETED']
    .map((type) => `${JSON.stringify({ type, object: { name: 'ä' } })}\n`)
    .join('');
  await using server = await fakeServer({
    answer: (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      for (const byte of Buffer.from(lines)) response.write(Buffer.of(byte));
      response.end();
    },
  });
  const seen = [];
  for await (const { type, object } of (await connectTo(server.port)).watch<{ name: string }>(
    '/w',
    {},
    signal,
  )) {
    seen.push(type + object.name);
  }
  assert.equal(seen, ['ADDEDä', 'MODIFIEDä', 'DELETEDä']);
});

test('a watch ends with the signal, and with the server’s error', async () => {
  await using server = await fakeServer({
    answer: (request, response) => {
      const object = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' };
      const type = request.url!.includes('old') ? 'ERROR' : 'ADDED';
      response.writeHead(200).write(`${JSON.stringify({ type, object })}\n`);
    },
  });
  const connection = await connectTo(server.port);
  const controller = new AbortController();
  const drain = async (path: string) => {
    for await (const event of connection.watch(path, {}, controller.signal)) if (event) controller.abort();
  };
  const old = await failure(drain('/old'));
  assert.is((old as ApiStatus).code, 410);
  assert.ok(isPaudeError(await failure(drain('/new')), 'INTERRUPTED'));
});

test('a server that is busy is asked again when it says so', async () => {
  let asked = 0;
  await using server = await fakeServer({
    answer: (_, response) => {
      if (++asked < 3) response.writeHead(429, { 'retry-after': '0' }).end();
      else response.writeHead(200).end('log text');
    },
  });
  assert.is((await (await connectTo(server.port)).request('GET', '/log')).body, 'log text');
});

test('a client certificate and a private authority, as data and as files beside the kubeconfig', async () => {
  const seen: (string | undefined)[] = [];
  await using server = await fakeServer({
    tls,
    answer: (request, response) => {
      seen.push(String((request.socket as TLSSocket).getPeerCertificate().subject?.CN));
      response.writeHead(200).end();
    },
    exec: (ws) => ws.send(statusFrame(7)),
  });
  const url = `https://127.0.0.1:${server.port}`;
  const named = { 'tls-server-name': 'api.example' };
  const data = (name: string) => readFileSync(join(files.path, name)).toString('base64');
  const users = [
    [{ 'client-certificate': 'user.crt', 'client-key': 'user.key' }, { 'certificate-authority': 'ca.crt' }],
    [
      { 'client-certificate-data': data('user.crt'), 'client-key-data': data('user.key') },
      { 'certificate-authority-data': data('ca.crt') },
    ],
    [{}, { 'insecure-skip-tls-verify': true }],
  ] as const;
  for (const [user, trust] of users) {
    const connection = await load(kubeconfig(url, user, { ...named, ...trust }));
    await connection.request('GET', '/version');
    await using tunnel = await execTunnel(connection, target, { signal });
    tunnel.stdout.resume();
    tunnel.stderr.resume();
    assert.is(await tunnel.exit, 7);
  }
  assert.equal(seen, ['user', 'user', 'undefined']);
  const stranger = await load(kubeconfig(url, {}, named));
  assert.match(String((await failure(stranger.request('GET', '/'))) as NodeJS.ErrnoException), /certificate/);
  const misnamed = await load(kubeconfig(url, {}, { 'certificate-authority': 'ca.crt' }));
  const wrong = (await failure(misnamed.request('GET', '/'))) as NodeJS.ErrnoException;
  assert.is(wrong.code, 'ERR_TLS_CERT_ALTNAME_INVALID');
});

test('a certificate’s files are read once, so that requests made at once leave at once', async () => {
  const seen: string[] = [];
  await using server = await fakeServer({
    tls,
    answer: (request, response) => {
      seen.push(String((request.socket as TLSSocket).getPeerCertificate().subject?.CN));
      // A connection of its own for each request.
      response.writeHead(200, { connection: 'close' }).end();
    },
  });
  for (const name of ['crt', 'key'])
    copyFileSync(join(files.path, `user.${name}`), join(files.path, `once.${name}`));
  const user = { 'client-certificate': 'once.crt', 'client-key': 'once.key' };
  const trust = { 'insecure-skip-tls-verify': true };
  const connection = await load(kubeconfig(`https://127.0.0.1:${server.port}`, user, trust));
  await connection.request('GET', '/version');
  for (const name of ['crt', 'key']) rmSync(join(files.path, `once.${name}`));
  await connection.request('GET', '/version');
  assert.equal(seen, ['user', 'user']);
});

test('pongs are seen over TLS, too', async () => {
  let pings = 0;
  await using server = await fakeServer({
    tls,
    exec: (ws) => ws.on('ping', () => ++pings === 40 && ws.send(statusFrame(0))),
  });
  const trust = { 'insecure-skip-tls-verify': true };
  const connection = await load(kubeconfig(`https://127.0.0.1:${server.port}`, {}, trust));
  await using tunnel = await execTunnel(connection, target, { signal, pingInterval: 5 });
  tunnel.stdout.resume();
  tunnel.stderr.resume();
  assert.is(await tunnel.exit, 0);
});

test('passwords, impersonation, and a token file that is written anew', async () => {
  await using server = await fakeServer({});
  const url = `http://127.0.0.1:${server.port}`;
  const seen = () => server.requests.at(-1)!.headers;
  const basic = await load(
    kubeconfig(url, { username: 'me', password: 'pw', as: 'you', 'as-groups': ['a', 'b'] }),
  );
  await basic.request('GET', '/');
  assert.is(seen().authorization, `Basic ${Buffer.from('me:pw').toString('base64')}`);
  assert.equal([seen()['impersonate-user'], seen()['impersonate-group']], ['you', 'a, b']);

  await files.write('token', 'first\n');
  const rotated = await load(kubeconfig(url, { tokenFile: 'token', token: 'not me' }));
  await rotated.request('GET', '/');
  assert.is(seen().authorization, 'Bearer first');
  await files.write('token', 'second\n');
  await rotated.request('GET', '/');
  assert.is(seen().authorization, 'Bearer second');
});

test('an ID token that is still good is used, and a provider that is gone from kubectl is refused', async () => {
  await using server = await fakeServer({});
  const url = `http://127.0.0.1:${server.port}`;
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const token = `${part({ alg: 'none' })}.${part({ exp: 4_000_000_000 })}.c2ln`;
  const provider = (name: string) => ({ 'auth-provider': { name, config: { 'id-token': token } } });
  await (await load(kubeconfig(url, provider('oidc')))).request('GET', '/');
  assert.is(server.requests.at(-1)!.headers.authorization, `Bearer ${token}`);
  const error = await failure((await load(kubeconfig(url, provider('gcp')))).request('GET', '/'));
  assert.is((error as KubeconfigError).problem, 'unsupported');
});

/** A plugin that writes a token with the number of its run, and what it was told. */
async function plugin(more = ''): Promise<string> {
  const script = `#!/bin/sh
echo run >> "$0.runs"
printf '%s' "$KUBERNETES_EXEC_INFO" > "$0.info"
if read -r line; then echo "$line" > "$0.stdin"; fi
token=$1-$FROM_CONFIG-$(wc -l < "$0.runs" | tr -d ' ')
${more}
printf '{"kind":"ExecCredential","status":{"token":"%s"}}' "$token"
`;
  for (const name of ['plugin.runs', 'plugin.info']) await files.write(name, '');
  await files.write('plugin', script, 0o755);
  return './plugin';
}

const exec = (command: string, more: object = {}) => ({
  exec: {
    apiVersion: 'client.authentication.k8s.io/v1',
    command,
    args: ['argument'],
    env: [{ name: 'FROM_CONFIG', value: 'env' }],
    interactiveMode: 'IfAvailable',
    provideClusterInfo: true,
    ...more,
  },
});

test('a plugin is run once, without a terminal, and again when its token is refused', async () => {
  let refuse = false;
  await using server = await fakeServer({
    answer: (_, response) => {
      response.writeHead(refuse ? 401 : 200).end();
      refuse = false;
    },
  });
  const connection = await load(kubeconfig(`http://127.0.0.1:${server.port}`, exec(await plugin())));
  await Promise.all([connection.request('GET', '/'), connection.request('GET', '/')]);
  const token = () => server.requests.at(-1)!.headers.authorization;
  assert.is(token(), 'Bearer argument-env-1');
  const told = JSON.parse(readFileSync(join(files.path, 'plugin.info'), 'utf8')) as {
    spec: { interactive: boolean; cluster: { server: string } };
  };
  assert.is(told.spec.interactive, false);
  assert.is(told.spec.cluster.server, `http://127.0.0.1:${server.port}`);
  refuse = true;
  await connection.request('GET', '/');
  assert.is(token(), 'Bearer argument-env-2');
});

test('a plugin is told of its cluster what the kubeconfig has for it, and its authority from a file, too', async () => {
  const told = async (cluster: object) => {
    const connection = await load(kubeconfig('https://127.0.0.1:1', exec(await plugin()), cluster));
    await failure(connection.request('GET', '/'));
    const info = readFileSync(join(files.path, 'plugin.info'), 'utf8');
    return (JSON.parse(info) as { spec: { cluster: Record<string, unknown> } }).spec.cluster;
  };
  const extension = { audience: 'of this cluster' };
  const extensions = [
    { name: 'another', extension: { no: 'concern' } },
    { name: 'client.authentication.k8s.io/exec', extension },
  ];
  const cluster = await told({ 'certificate-authority': 'ca.crt', extensions });
  assert.equal(cluster['config'], extension);
  const authority = readFileSync(join(files.path, 'ca.crt')).toString('base64');
  assert.is(cluster['certificate-authority-data'], authority);
  const given = await told({ 'certificate-authority-data': authority });
  assert.equal([given['config'], given['certificate-authority-data']], [undefined, authority]);
});

test('a token that expires is asked for again', async () => {
  await using server = await fakeServer({});
  const expiring = `printf '{"status":{"token":"%s","expirationTimestamp":"2020-01-01T00:00:00Z"}}' "$token"; exit 0`;
  const connection = await load(kubeconfig(`http://127.0.0.1:${server.port}`, exec(await plugin(expiring))));
  for (const run of [1, 2]) {
    await connection.request('GET', '/');
    assert.is(server.requests.at(-1)!.headers.authorization, `Bearer argument-env-${run}`);
  }
});

test('a token that is refused to several requests at once is asked for again once', async () => {
  let waiting: http.ServerResponse[] = [];
  await using server = await fakeServer({
    answer: ({ headers }, response) => {
      if (headers.authorization !== 'Bearer argument-env-1') return response.writeHead(200).end();
      waiting.push(response);
      if (waiting.length < 3) return undefined;
      for (const one of waiting) one.writeHead(401).end();
      return (waiting = []);
    },
  });
  const connection = await load(kubeconfig(`http://127.0.0.1:${server.port}`, exec(await plugin())));
  const answers = await Promise.all([1, 2, 3].map(() => connection.request('GET', '/')));
  assert.equal(
    answers.map(({ status }) => status),
    [200, 200, 200],
  );
  assert.is(readFileSync(join(files.path, 'plugin.runs'), 'utf8'), 'run\nrun\n');
});

test('who waits for a plugin that another request has asked for is not interrupted with that one', async () => {
  await using server = await fakeServer({});
  const user = exec(await plugin('sleep 0.3'));
  const connection = await load(kubeconfig(`http://127.0.0.1:${server.port}`, user));
  const soon = new AbortController();
  const first = failure(connection.request('GET', '/', { signal: soon.signal }));
  const second = connection.request('GET', '/');
  while (readFileSync(join(files.path, 'plugin.runs'), 'utf8') === '')
    await new Promise((resolve) => setTimeout(resolve, 10));
  soon.abort();
  assert.is((await second).status, 200);
  assert.ok(isPaudeError(await first, 'INTERRUPTED'));
});

test('a plugin that says null of the time for which its token is good is run once', async () => {
  await using server = await fakeServer({});
  const eternal = `printf '{"status":{"token":"%s","expirationTimestamp":null}}' "$token"; exit 0`;
  const connection = await load(kubeconfig(`http://127.0.0.1:${server.port}`, exec(await plugin(eternal))));
  for (const _ of [1, 2]) await connection.request('GET', '/');
  assert.is(server.requests.at(-1)!.headers.authorization, 'Bearer argument-env-1');
});

test('a plugin that fails, is not there, or needs a terminal says so', async () => {
  const url = 'http://127.0.0.1:1';
  const say = async (user: object) => {
    const error = await failure((await load(kubeconfig(url, user))).request('GET', '/'));
    assert.instance(error, KubeconfigError);
    return error.message;
  };
  assert.match(await say(exec(await plugin('echo "log in first" >&2; exit 3'))), 'log in first');
  assert.match(await say(exec(await plugin('echo nonsense; exit 0'))), 'did not write JSON');
  assert.match(
    await say(exec('no-such-plugin', { installHint: 'install it from here' })),
    'install it from here',
  );
  assert.match(
    await say(exec(await plugin(), { interactiveMode: 'Always' })),
    'only when it is run on a terminal',
  );
  assert.is(readFileSync(join(files.path, 'plugin.runs'), 'utf8'), '', 'it was not run');
});

test('nothing of a kubeconfig that is no YAML, or of what a plugin says in the place of JSON, is told, with its causes', async () => {
  const env = {
    KUBECONFIG: await files.write('broken', 'users:\n  - user:\n      token: t-secret\n     x: y\n'),
  };
  const broken = await failure(connect(undefined, { env, interactive: false }));
  assert.match(broken.message, 'broken is not YAML, line 4');
  const user = exec(await plugin('echo t-secret; exit 0'));
  const said = await failure((await load(kubeconfig('http://127.0.0.1:1', user))).request('GET', '/'));
  assert.match(said.message, 'did not write JSON');
  for (const error of [broken, said]) assert.not.match(inspect(error), 't-secret');
});

test('of several kubeconfigs the first that says something wins, and one that is missing does no harm', async () => {
  await using server = await fakeServer({});
  const url = `http://127.0.0.1:${server.port}`;
  const first = await files.write('first', kubeconfig(url, { token: 'first' }, {}, 'a'));
  const second = await files.write('second', kubeconfig(url, { token: 'second' }, {}, 'b'));
  const clash = await files.write('clash', kubeconfig('http://127.0.0.1:1', { token: 'clash' }, {}, 'a'));
  const env = { KUBECONFIG: [first, join(files.path, 'missing'), second, clash].join(':') };
  for (const [name, token] of [
    [undefined, 'first'],
    ['b', 'second'],
  ] as const) {
    await (await connect(name, { env, interactive: false })).request('GET', '/');
    assert.is(server.requests.at(-1)!.headers.authorization, `Bearer ${token}`);
  }
  const unknown = (await failure(connect('c', { env, interactive: false }))) as KubeconfigError;
  assert.equal([unknown.problem, [...unknown.contexts].sort()], ['unknown-context', ['a', 'b']]);
  const none = await failure(connect(undefined, { env: { HOME: files.path }, interactive: false }));
  assert.is((none as KubeconfigError).problem, 'missing');
});

/** A proxy that knows CONNECT, and where it was asked to. */
async function proxy(answer = 200) {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const server = http.createServer();
  server.on('connect', (request, socket: Socket) => {
    asked.push(`${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim());
    sockets.add(socket.on('error', () => undefined));
    if (answer !== 200) return socket.end(`HTTP/1.1 ${answer} No\r\n\r\n`);
    const far = connectSocket(Number(request.url!.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(far).pipe(socket);
    });
    return sockets.add(far.on('error', () => undefined));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    asked,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

test('requests and exec go through a proxy, by the environment and by the kubeconfig', async () => {
  const echo = (ws: WebSocket) => ws.send(statusFrame(0));
  await using secure = await fakeServer({ tls, exec: echo });
  await using plain = await fakeServer({ exec: echo });
  await using through = await proxy();
  const address = `http://me:pw@127.0.0.1:${through.port}`;
  const trust = { 'certificate-authority': 'ca.crt' };
  const cases = [
    [`https://api.example:${secure.port}`, trust, { HTTPS_PROXY: address }],
    [`https://api.example:${secure.port}`, { ...trust, 'proxy-url': address }, {}],
    [`http://api.example:${plain.port}`, {}, { http_proxy: address }],
  ] as const;
  for (const [url, cluster, env] of cases) {
    const connection = await load(kubeconfig(url, {}, cluster), env);
    await connection.request('GET', '/version');
    connection.close();
    await using tunnel = await execTunnel(connection, target, { signal });
    tunnel.stdout.resume();
    tunnel.stderr.resume();
    assert.is(await tunnel.exit, 0);
  }
  const login = `Basic ${Buffer.from('me:pw').toString('base64')}`;
  const expected = cases.flatMap(([url]) => Array.from({ length: 2 }, () => `${new URL(url).host} ${login}`));
  assert.equal(through.asked, expected);
});

test('a proxy that refuses is told as such', async () => {
  await using through = await proxy(407);
  const env = { HTTPS_PROXY: `127.0.0.1:${through.port}` };
  const error = await failure((await load(kubeconfig('https://api.example', {}), env)).request('GET', '/'));
  assert.match(error.message, 'answered 407');
});

test('NO_PROXY exempts names and what is below them, addresses, networks, ports', () => {
  const proxied = (host: string, list: string) =>
    proxyFor(new URL(`https://${host}`), undefined, { HTTPS_PROXY: 'http://proxy', NO_PROXY: list }) !==
    undefined;
  const cases: [string, string, boolean][] = [
    ['api.example', '', true],
    ['api.example', 'example', false],
    ['example', '.example', true],
    ['api.example', '.example', false],
    ['api.example', '*.example', false],
    ['myexample', 'example', true],
    ['api.example:6443', 'example:6443', false],
    ['api.example:6443', 'example:443', true],
    ['10.1.2.3', '10.0.0.0/8', false],
    ['11.1.2.3', '10.0.0.0/8', true],
    ['[fd00::1]', 'fd00::/8', false],
    ['[fd00::1]', 'fd00::1', false],
    ['10.1.2.3', 'x, 10.1.2.3', false],
    ['api.example', '*', false],
    ['localhost', '', false],
    ['127.0.0.1:6443', '', false],
  ];
  for (const [host, list, expected] of cases)
    assert.is(proxied(host, list), expected, `${host} with ${list}`);
  for (const network of ['10.0.0.0/99', '10.0.0.0/', '10.0.0.0/x']) {
    const isNamed = (error: Error) =>
      isPaudeError(error, 'CONFIG_INVALID') &&
      error.message === `NO_PROXY has a network in it that is none: ${network}` &&
      error.hint === 'write its length after the slash, as in 10.0.0.0/24';
    assert.throws(() => proxied('10.1.2.3', network), isNamed);
    // It can't be the one that decides about a name.
    assert.is(proxied('api.example', network), true);
  }
});

test('a proxy-url of the kubeconfig that is none is said to be', async () => {
  const text = kubeconfig('https://api.example', {}, { 'proxy-url': 'http://' });
  const error = await load(text).then(
    () => undefined,
    (reason: Error) => reason,
  );
  assert.instance(error, KubeconfigError);
  assert.is(error?.message, 'the proxy-url of api.example is not the URL of a proxy');
});

test.run();
