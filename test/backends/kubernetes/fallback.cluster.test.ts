import { once } from 'node:events';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { delimiter, join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import * as assert from 'uvu/assert';
import { kubeconfigAt, ownClusterSkip } from '../../harness/cluster-parts.ts';
import { ClusterRepository, until } from '../../harness/cluster-repository.ts';
import { testCluster } from '../../harness/cluster-world.ts';
import { suite } from '../../harness/suite.ts';
import { PersonTerminal } from '../../journeys/person-terminal.ts';

const test = suite('where no WebSocket can be had');
const it = test.skipIf(ownClusterSkip);
let world: ClusterRepository;
let middle: Middle;
let through: { KUBECONFIG: string };

interface Middle extends AsyncDisposable {
  readonly port: number;
  /** Upgrades that were asked for, by what to. */
  readonly upgrades: string[];
}

/** A middlebox of some company: it ends TLS with a certificate of its own, and knows no WebSockets. */
async function middlebox(folder: string): Promise<Middle> {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  const subject = ['-subj', '/CN=box', '-addext', 'subjectAltName=DNS:kubernetes', '-days', '2'];
  openssl(
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    'box.key',
    '-out',
    'box.crt',
    ...subject,
  );
  const [cert, key] = ['box.crt', 'box.key'].map((name) => readFileSync(join(folder, name)));
  const target = { host: testCluster.address, port: 6443, rejectUnauthorized: false };
  const upgrades: string[] = [];
  const sockets = new Set<Socket>();
  const server = https.createServer({ cert, key });
  const forward = (
    request: import('node:http').IncomingMessage,
    response: import('node:http').ServerResponse,
  ) => {
    const { method, url: path, headers } = request;
    const asked = https.request({ ...target, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    asked.on('error', () => response.destroy());
    response.once('close', () => asked.destroy());
    request.pipe(asked);
  };
  server.on('request', forward);
  server.on('secureConnection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (request, socket: Socket) => {
    const to = String(request.headers.upgrade);
    upgrades.push(to.toLowerCase());
    const lines = [`${request.method} ${request.url} HTTP/1.1`];
    for (const [name, value] of Object.entries(request.headers)) {
      const isUpgrade = name === 'upgrade' || name === 'connection' || name.startsWith('sec-websocket');
      if (isUpgrade && /websocket/i.test(to)) continue;
      for (const one of [value].flat()) lines.push(`${name}: ${one}`);
    }
    if (/websocket/i.test(to)) lines.push('connection: close');
    const onward = connectTls(target, () => onward.write(`${lines.join('\r\n')}\r\n\r\n`));
    const both = [onward, socket];
    for (const one of both) {
      one.on('error', () => undefined).once('close', () => both.forEach((other) => other.destroy()));
    }
    onward.pipe(socket).pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    upgrades,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

test.before(async () => {
  if (ownClusterSkip !== undefined) return;
  world = new ClusterRepository(testCluster.token);
  middle = await middlebox(world.root);
  const authority = { 'certificate-authority': join(world.root, 'box.crt') };
  const path = join(world.root, 'boxed');
  through = { KUBECONFIG: kubeconfigAt(middle.port, testCluster.token, path, authority) };
});
test.after(async () => {
  if (ownClusterSkip !== undefined) return;
  await world.end();
  await middle[Symbol.asyncDispose]();
});

/** Everything that git and the verbs do with a session. */
async function wholeTrip(name: string, env: NodeJS.ProcessEnv): Promise<void> {
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await world.start('git', args, env).ended;
    assert.is(code, 0, `${args.join(' ')}: ${stderr}`);
    return stdout;
  };
  const head = world.big(5 * 2 ** 20);
  await run('push', world.url(name), 'main');
  await run('push', world.url(name), 'main');
  await run('paude', 'exec', name, '--', 'git', 'commit', '-q', '--allow-empty', '-m', 'from the session');
  await run('pull', '-q', world.url(name), 'main');
  assert.is((await world.git('log', '-1', '--format=%s')).stdout, 'from the session\n');
  assert.is((await world.git('rev-parse', 'HEAD^')).stdout.trim(), head);
  const clone = join(world.root, `clone-${name}`);
  await run('clone', '-q', world.url(name), clone);
  assert.is((await world.git('-C', clone, 'fsck')).code, 0);
  assert.is(
    (await world.start('git', ['paude', 'exec', name, '--', 'sh', '-c', 'exit 7'], env).ended).code,
    7,
  );
}

it('paude.transport=kubectl does all of it with kubectl', async () => {
  const name = world.session('kubectl');
  await wholeTrip(name, { PAUDE_TRANSPORT: 'kubectl' });
});

it('where the upgrade is taken away, kubectl is used by itself', async () => {
  const name = world.session('boxed');
  await wholeTrip(name, through);
  assert.ok(middle.upgrades.includes('websocket'));
  assert.ok(middle.upgrades.includes('spdy/3.1'));
});

for (const [how, session, settings] of [
  ['paude.transport=kubectl', 'kubectl', { PAUDE_TRANSPORT: 'kubectl' }],
  ['where the upgrade is taken away', 'boxed', {}],
] as const) {
  it(`${how}: a person's terminal is attached with kubectl`, async () => {
    const name = world.session(session);
    const clients = async () =>
      (await world.inside(name, 'tmux', 'list-clients', '-F', '#{client_width}x#{client_height}')).stdout;
    const kubectl = () =>
      spawnSync('pgrep', ['-f', `exec --stdin --tty .* paude-${name}-0 `], {
        encoding: 'utf8',
      }).stdout.trim();
    middle.upgrades.length = 0;
    const terminal = new PersonTerminal(world, `git paude connect ${name}; echo "code $?"; stty -a`, {
      ...through,
      ...settings,
    });
    try {
      await until(clients, (text) => text === '120x40\n');
      terminal.resize(90, 30);
      await until(clients, (text) => text === '90x30\n');
      await until(terminal.screen, (text) => text.includes(`[${name}]`));
      // The connection drops, and the terminal is not left as it was then.
      const first = kubectl();
      process.kill(Number(first), 'SIGKILL');
      await until(kubectl, (pid) => pid !== '' && pid !== first);
      await until(clients, (text) => text === '90x30\n');
      await until(terminal.screen, (text) => text.includes(`[${name}]`));
      terminal.keys('C-b', 'd');
      const screen = await until(terminal.screen, (text) => text.includes('ended with'));
      assert.match(screen, /code 0/);
      assert.match(screen, / icanon/);
      assert.match(screen, / echo /);
      assert.is(await clients(), '');
      assert.ok(middle.upgrades.includes('spdy/3.1'));
      assert.is(middle.upgrades.includes('websocket'), session === 'boxed');
    } finally {
      terminal.end();
    }
  });
}

it('and without kubectl it is said what would help', async () => {
  const name = world.session('boxed');
  // Programs by themselves, for kubectl may stand beside git.
  const alone = join(world.root, 'alone');
  mkdirSync(alone);
  symlinkSync(process.execPath, join(alone, 'node'));
  symlinkSync(execFileSync('which', ['git'], { encoding: 'utf8' }).trim(), join(alone, 'git'));
  const env = { ...through, PATH: [join(world.root, 'bin'), alone].join(delimiter) };
  const { code, stderr } = await world.start('git', ['paude', 'exec', name, '--', 'true'], env).ended;
  assert.is(code, 1);
  assert.match(stderr, /neither oc nor kubectl is on the PATH/);
  assert.match(stderr, /needed where the API server gives no WebSocket/);
});

test.run();
