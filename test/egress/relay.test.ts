import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { hostRulesOf } from '../../lib/egress/network-rules.ts';
import { proxyConfiguration } from '../../lib/egress/proxy-configuration.ts';
import { suite } from '../harness/suite.ts';

const test = suite('the connections through a proxy’s door');
const files = fileURLToPath(new URL('../../lib/image/proxy/files/', import.meta.url));
const noPerl = spawnSync('perl', ['-e', '1']).status === 0 ? undefined : 'there is no perl';
const it = test.skipIf(noPerl);

/** The proxy's own relay in a loop like the door's. A line of stdin is new rules; it says where it listens. */
const script = `
  use strict; use warnings; use MIME::Base64; use Socket; use Fcntl qw(F_SETFL O_NONBLOCK);
  use Relay; use Ledger; use Rules;
  $| = 1; $SIG{PIPE} = 'IGNORE';
  my $relay = Relay->new(port => $ARGV[0], ledger => Ledger->new('x'));
  socket my $front, AF_INET, SOCK_STREAM, 0 or die;
  bind $front, pack_sockaddr_in(0, INADDR_LOOPBACK) or die;
  listen $front, 64 or die;
  print +(unpack_sockaddr_in getsockname $front)[0], "\\n";
  while (1) {
    my ($reads, $writes) = ($relay->readers, $relay->writers);
    vec($reads, fileno $_, 1) = 1 for $front, *STDIN;
    select $reads, $writes, undef, $relay->wait;
    if (vec $reads, fileno STDIN, 1) {
      my $line = <STDIN> // last;
      $relay->allow(Rules->new(decode_base64 $line));
      print "in force\\n";
    }
    if (vec $reads, fileno $front, 1) {
      my $peer = accept(my $client, $front);
      fcntl $client, F_SETFL, O_NONBLOCK;
      $relay->take($client, $peer);
    }
    $relay->serve($reads, $writes);
    $relay->tick;
  }`;

let door: ChildProcess;
let lines: Interface;
let port = 0;
let squid: Server;
/** What squid was told, a connection each; and what it does then. */
let seen: { text: string; readonly socket: Socket }[] = [];
let answer: (socket: Socket, text: string) => void;

const nextLine = async () => String((await once(lines, 'line'))[0]);

test.before(async () => {
  if (noPerl !== undefined) return;
  squid = createServer((socket) => {
    const one = { text: '', socket };
    seen.push(one);
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      one.text += data.toString('latin1');
      answer(socket, one.text);
    });
  }).listen(0, '127.0.0.1');
  await once(squid, 'listening');
  const at = String((squid.address() as AddressInfo).port);
  door = spawn('perl', ['-I', files, '-e', script, at], { stdio: ['pipe', 'pipe', 'inherit'] });
  lines = createInterface(door.stdout!);
  port = Number(await nextLine());
});
test.after(() => {
  door?.stdin?.end();
  squid?.close();
  for (const { socket } of seen) socket.destroy();
});
test.before.each(() => {
  seen = [];
  answer = (socket, text) => {
    if (text.startsWith('CONNECT ') && text.endsWith('\r\n\r\n'))
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    else if (text.startsWith('GET '))
      socket.end('HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\ndone');
  };
});

async function allow(...entries: readonly string[]): Promise<void> {
  const rules = proxyConfiguration(hostRulesOf({ agent: [], allow: entries, deny: [] }));
  door.stdin!.write(`${Buffer.from(rules).toString('base64')}\n`);
  assert.is(await nextLine(), 'in force');
}

/** A client, as far as it has got; `ended` gives all that it was told. */
function client(...said: readonly string[]) {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (data) => (text += data.toString('latin1')));
  socket.on('error', () => undefined);
  for (const part of said) socket.write(part, 'latin1');
  const ended = once(socket, 'close').then(() => text);
  const told = async (part: string) => {
    while (!text.includes(part)) await once(socket, 'data');
  };
  return { socket, ended, told };
}

const get = (url: string, more = '') => `GET ${url} HTTP/1.1\r\nHost: a.org\r\n${more}\r\n`;
const tunnel = (to: string) => `CONNECT ${to} HTTP/1.1\r\nHost: ${to}\r\n\r\n`;
const post = (more: string) => `POST http://a.org/ HTTP/1.1\r\nHost: a.org\r\n${more}\r\n`;

it('a connection in the clear is one request and one answer, and squid sees nothing that comes behind', async () => {
  await allow('a.org:80', 'b.org');
  for (const more of ['', 'Connection: keep-alive\r\nProxy-Connection: keep-alive\r\nKeep-Alive: 9\r\n']) {
    seen = [];
    const { ended, told, socket } = client(get('http://a.org/x', more) + tunnel('b.org:443'));
    await told('done');
    socket.write(tunnel('b.org:443'));
    assert.is(
      await ended,
      'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ndone',
      'the client is told, and it is closed',
    );
    assert.equal(
      seen.map(({ text }) => text),
      [get('http://a.org/x', 'Connection: close\r\n')],
    );
  }
});

it('behind what is refused nothing reaches squid, either', async () => {
  await allow('b.org');
  answer = (socket) =>
    socket.end('HTTP/1.1 403 No\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\nContent-Length: 0\r\n\r\n');
  for (const [first, told] of [
    [
      get('http://a.org/'),
      'a.org:80 is not allowed in this session; to allow it: git paude network x --allow a.org:80',
    ],
    [
      tunnel('a.org:443'),
      'a.org:443 is not allowed in this session; to allow it: git paude network x --allow a.org',
    ],
  ] as const) {
    seen = [];
    const { ended } = client(first + tunnel('b.org:443'));
    assert.match(await ended, `Paude-Blocked: ${told}\r\nConnection: close\r\n\r\n`);
    assert.equal(
      seen.map(({ text }) => text.match(/HTTP\/1/g)?.length),
      [1],
    );
  }
});

it('what is not plainly a request gets 400, is closed, and never reaches squid', async () => {
  await allow('a.org:80', 'b.org');
  const smuggled = get('http://a.org/');
  for (const bytes of [
    `\r\n${tunnel('b.org:443')}`,
    `\n${tunnel('b.org:443')}`,
    ` ${tunnel('b.org:443')}`,
    tunnel('b.org:443').replace('CONNECT', 'connect'),
    tunnel('b.org:443').replace('CONNECT ', 'CONNECT  '),
    tunnel('b.org:443').replaceAll('\r\n', '\n'),
    tunnel('b.org:443').replace('\r\n', '\n'),
    tunnel('b.org:443').replace('\r\n', '\r'),
    tunnel('b.org:443').replace('HTTP/1.1', 'HTTP/2.0'),
    tunnel('b.org'),
    tunnel('b.org:443:443'),
    tunnel('b.org@c.org:443'),
    tunnel('http://b.org:443'),
    tunnel('b.org:443').replace('\r\n\r\n', '\r\nContent-Length: 3\r\n\r\nabc'),
    'GET http://a.org/\r\n\r\n',
    get('/'),
    get('https://a.org/'),
    get('ftp://a.org/'),
    get('http://user@a.org/'),
    get('http://a.org\\@b.org/'),
    get('http://a.org:/'),
    get('http://a.org/ /'),
    get('http://a.org/', 'Host: b.org\r\n'),
    get('http://a.org/', 'X: a\r\n b\r\n'),
    get('http://a.org/', ' X: a\r\n'),
    get('http://a.org/', 'X : a\r\n'),
    get('http://a.org/', 'X\r\n'),
    get('http://a.org/', 'X: a\0b\r\n'),
    get('http://a.org/', 'X: a\rY: b\r\n'),
    get('http://a.org/', 'X: a\nY: b\r\n'),
    post('Content-Length: 5\r\nContent-Length: 5\r\n') + smuggled,
    post('Content-Length: 5, 5\r\n') + smuggled,
    post('Content-Length: +5\r\n') + smuggled,
    post('Content-Length: 0x5\r\n') + smuggled,
    post('Content-Length: \r\n') + smuggled,
    post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n') + smuggled,
    post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n') + smuggled,
    post('Transfer-Encoding: gzip, chunked\r\n') + smuggled,
    post('Transfer-Encoding: identity\r\n') + smuggled,
    post('Transfer-Encoding:\x0bchunked\r\n') + smuggled,
    post('Transfer-Encoding: chunked\r\n').replace('1.1', '1.0') + smuggled,
    post('Transfer-Encoding: chunked\r\n') + '5;x=y\r\n12345\r\n0\r\n\r\n',
    '\x05\x01\x00',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    `GET http://a.org/${'a'.repeat(20_000)}`,
  ]) {
    const shown = JSON.stringify(bytes.slice(0, 200));
    assert.match(await client(bytes).ended, /^HTTP\/1\.0 400 /, shown);
    assert.equal(seen, [], shown);
  }
});

it('a body reaches squid as it is, and not a byte more', async () => {
  await allow('a.org:80');
  const chunks = '5\r\n12345\r\n00a\r\n0123456789\r\n0\r\n\r\n';
  for (const [head, body] of [
    [post('Content-Length: 5\r\n'), '12345'],
    [post('Transfer-Encoding: Chunked\r\n'), chunks],
    [post('Transfer-Encoding: chunked\r\n'), '0\r\n\r\n'],
    [post('Content-Length: 0\r\n'), ''],
  ] as const) {
    for (const size of [1, 7, 1000]) {
      seen = [];
      const wanted = head.replace(/\r\n$/, `Connection: close\r\n\r\n${body}`);
      answer = (socket, text) => {
        if (text.length >= wanted.length) socket.end('HTTP/1.1 204 Done\r\n\r\n');
      };
      const { socket, ended, told } = client(head);
      for (const part of (body + get('http://a.org/')).match(new RegExp(`[^]{1,${size}}`, 'g'))!) {
        await new Promise<void>((resolve) => socket.write(part, 'latin1', () => resolve()));
        await new Promise(setImmediate);
      }
      await told('204');
      socket.end();
      await ended;
      assert.equal(
        seen.map(({ text }) => text),
        [wanted],
      );
    }
  }
});

it('a body that turns out to be none ends the connection', async () => {
  await allow('a.org:80');
  answer = (asked, text) => text.endsWith('\r\n\r\n') && asked.write('HTTP/1.1 100 Continue\r\n\r\n');
  for (const body of ['5\r\n12345X', '5\r\n12345\r\n0\r\nX: y', '5;x=y', '-1', '123456789', 'x']) {
    seen = [];
    const { socket, ended } = client(post('Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n'));
    await once(socket, 'data');
    socket.write(body);
    assert.is(await ended, 'HTTP/1.1 100 Continue\r\n\r\n');
    assert.is(/[Xx]/.test(seen[0]!.text.split('\r\n\r\n')[1]!), false);
  }
});

it('what a client says at once comes behind squid’s consent, and an answer may be announced', async () => {
  await allow('b.org', 'a.org:80');
  const { told, socket, ended } = client(`${tunnel('b.org:443')}hello`);
  answer = (asked, text) => {
    if (text.endsWith('\r\n\r\n')) asked.write('HTTP/1.1 200 Connection established\r\n\r\nfirst');
    if (text.endsWith('\r\n\r\nhello')) asked.write('second');
  };
  await told('first');
  await told('second');
  socket.end();
  seen[0]!.socket.end();
  await ended;
  answer = (asked) => asked.end('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\ndone');
  assert.is(
    await client(post('Content-Length: 1\r\n'), 'x').ended,
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close\r\n\r\ndone',
  );
});

it('who is answered before its body was read gets the whole answer, whatever squid does then', async () => {
  await allow('a.org:80');
  answer = () => undefined;
  const { socket, told } = client(post('Content-Length: 9000000\r\n'), 'x');
  while (seen.length === 0) await once(squid, 'connection');
  const far = seen[0]!.socket;
  await new Promise<void>((resolve) => far.write('HTTP/1.1 413 No\r\n\r\nenough', () => resolve()));
  await told('enough');
  far.resetAndDestroy();
  await once(far, 'close');
  const failed: unknown[] = [];
  socket.on('error', (error) => failed.push(error));
  const ended = once(socket, 'end');
  socket.write(Buffer.alloc(4_000_000));
  await ended;
  assert.equal(failed, []);
});

it('new rules close what they don’t allow, by scheme, host and port, and nothing else', async () => {
  const all = ['a.org:80', 'http://a.org:8080', 'b.org:80', 'b.org', 'b.org:8443', 'c.org'];
  await allow(...all);
  answer = (socket, text) => socket.write(`HTTP/1.1 200 OK\r\n\r\n${text.startsWith('GET') ? 'begun' : ''}`);
  const open = new Map<string, ReturnType<typeof client>>();
  for (const entry of all) {
    const [host = '', at = '443'] = entry.replace('http://', '').split(':');
    const clear = entry.startsWith('http:') || at === '80';
    const one = client(clear ? get(`http://${host.toUpperCase()}.:0${at}/`) : tunnel(`${host}:${at}`));
    await one.told('200');
    open.set(entry, one);
  }
  const going = async () => {
    for (const { socket } of seen) if (!socket.destroyed) socket.write('more');
    const left = [];
    for (const [entry, one] of open) {
      if (!closed.has(entry)) await one.told('more');
      if (!one.socket.destroyed) left.push(entry);
    }
    return left;
  };
  const closed = new Set<string>();
  await allow(...all, 'd.org:80', 'd.org');
  assert.equal(await going(), all);
  await allow('http://a.org:8080', 'b.org', 'c.org');
  for (const entry of ['a.org:80', 'b.org:80', 'b.org:8443']) {
    closed.add(entry);
    await open.get(entry)!.ended;
  }
  assert.equal(await going(), ['http://a.org:8080', 'b.org', 'c.org']);
  for (const { socket } of open.values()) socket.destroy();
});

it('what was asked before its host was denied, and is answered after, is closed', async () => {
  for (const [entry, asked] of [
    ['b.org', tunnel('b.org:443')],
    ['a.org:80', get('http://a.org/')],
  ] as const) {
    await allow(entry);
    const told = new Promise<void>((resolve) => (answer = () => resolve()));
    const one = client(asked);
    await told;
    await allow('c.org');
    assert.is(await one.ended, '');
  }
});

test.run();
