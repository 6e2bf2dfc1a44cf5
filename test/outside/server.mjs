// The world outside of a session, for the tests: plain Node, for it runs in a container or pod of its own.
//   node server.mjs PUBLIC PRIVATE PRIVATE6 CERTIFICATE
// TLS on 443 and 8443, plain HTTP on 80; whatever is asked for says `reached` and what it was asked as, and stands on
// stdout with who asked. On 80 it is a proxy as well, one that filters nothing. What is asked of `api` goes to a stand-in for the model (test/harness/model.mjs) on
// 127.0.0.1, at MODEL_PORT. DNS on 53, where PUBLIC is not `-`: names of `test` have that address, private ones the other two.
// LISTEN is the one address that it listens at, and SHARED another one, for HTTP, that several worlds may have: the
// next one takes it over.
import { createSocket } from 'node:dgram';
import { createServer as createHttp, request as askHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { connect, createServer as createTcp } from 'node:net';
import { readFileSync, writeFileSync } from 'node:fs';

const [address, privateAddress, privateAddress6, pem] = process.argv.slice(2);
const certificate = readFileSync(pem);
const { LISTEN: at, SHARED: shared, MODEL_PORT: modelPort = '41415' } = process.env;

function answer(request, response) {
  const as = request.socket.servername ?? 'plain';
  process.stdout.write(
    `asked ${as} ${request.method} ${request.url} ${request.headers['user-agent'] ?? '-'}\n`,
  );
  if (as.startsWith('api.')) return toModel(request, response);
  if (request.url.startsWith('/stream')) return stream(response);
  if (request.url.startsWith('/big')) return big(response, new URLSearchParams(request.url.split('?')[1]));
  // Not before it has been asked to its end: who still sends might not hear it.
  request.resume().once('end', () => response.end(`reached ${as} ${request.headers.host} ${request.url}\n`));
}

function openTunnel(request, near) {
  const { hostname, port } = new URL(`tunnel://${request.url}`);
  const far = connect(Number(port), hostname, () => {
    near.write('HTTP/1.1 200 Connection established\r\n\r\n');
    near.pipe(far).pipe(near);
  });
  far.on('error', () => near.destroy());
  near.on('error', () => far.destroy());
}

function toModel(request, response) {
  const { method, url, headers } = request;
  const asked = askHttp({ host: '127.0.0.1', port: modelPort, method, path: url, headers }, (said) => {
    response.writeHead(said.statusCode, said.headers);
    said.pipe(response);
  });
  asked.on('error', () => response.writeHead(502).end('no model\n'));
  request.pipe(asked);
}

/** A line every 50 ms, for as long as somebody reads. */
function stream(response) {
  response.writeHead(200);
  const timer = setInterval(() => response.write('line\n'), 50);
  response.on('close', () => clearInterval(timer));
}

/** So many `bytes`; as fast as they are taken, or as a line does that carries `rate` of them a second. */
function big(response, asked) {
  const block = Buffer.alloc(65_536, 7);
  const [bytes, rate] = [Number(asked.get('bytes')), Number(asked.get('rate') ?? Infinity)];
  const begin = performance.now();
  let sent = 0;
  response.writeHead(200, { 'content-length': bytes });
  const more = () => {
    while (sent < bytes) {
      if (sent > ((performance.now() - begin) / 1000) * rate) return setTimeout(more, 1);
      const part = block.subarray(0, bytes - sent);
      sent += part.length;
      if (!response.write(part)) return response.once('drain', more);
    }
    response.end();
  };
  more();
}

/** Answers a question for the addresses of a name of `test` (RFC 1035, RFC 3596); no other name is known. */
function dns(question) {
  const labels = [];
  let at = 12;
  while (question[at] !== 0 && at < question.length) {
    labels.push(question.toString('latin1', at + 1, at + 1 + question[at]));
    at += 1 + question[at];
  }
  const end = at + 5;
  const known = labels.at(-1)?.toLowerCase() === 'test';
  const type = question.readUInt16BE(at + 1);
  const found = known ? addressOf(labels[0].toLowerCase(), type) : undefined;
  const header = Buffer.from(question.subarray(0, 12));
  header.writeUInt16BE(known ? 0x8180 : 0x8183, 2);
  header.writeUInt16BE(found === undefined ? 0 : 1, 6);
  header.fill(0, 8, 12);
  if (found === undefined) return Buffer.concat([header, question.subarray(12, end)]);
  const record = Buffer.from([0xc0, 0x0c, 0, type, 0, 1, 0, 0, 0, 5, 0, found.length, ...found]);
  return Buffer.concat([header, question.subarray(12, end), record]);
}

/** The bytes of an address; undefined where the name has none of this type. */
function addressOf(first, type) {
  const bytes = (text) => text.split('.').map(Number);
  if (first === 'private6') return type === 28 ? bytes6(privateAddress6) : undefined;
  if (type !== 1) return undefined;
  if (first.startsWith('private')) return bytes(privateAddress);
  if (first.startsWith('loop')) return bytes('127.0.0.1');
  return bytes(first.startsWith('metadata') ? '169.254.169.254' : address);
}

function bytes6(text) {
  const [head, tail] = text.split('::').map((part) => part.split(':').filter(Boolean));
  const groups = [...head, ...Array(8 - head.length - tail.length).fill('0'), ...tail];
  return groups.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 255]);
}

function listening(make, retry = undefined) {
  return new Promise((resolve, reject) => {
    const server = make(resolve);
    server.once('error', (error) => {
      if (error.code !== 'EADDRINUSE' || retry === undefined) return reject(error);
      setTimeout(retry, 100);
      resolve();
    });
  });
}

function listenShared() {
  return listening((done) => createHttp(answer).listen(80, shared, done), listenShared);
}

const servers = [443, 8443].map((port) =>
  listening((done) => createHttps({ key: certificate, cert: certificate }, answer).listen(port, at, done)),
);
servers.push(listening((done) => createHttp(answer).on('connect', openTunnel).listen(80, at, done)));
if (shared !== undefined) servers.push(listenShared());
if (address !== '-') {
  // An address is one of IPv4.
  for (const kind of [{ type: 'udp4' }, { type: 'udp6', ipv6Only: true }].slice(
    0,
    at === undefined ? 2 : 1,
  )) {
    servers.push(
      listening((done) => {
        const udp = createSocket(kind);
        udp.on('message', (question, from) => udp.send(dns(question), from.port, from.address));
        return udp.bind(53, at, done);
      }),
    );
  }
  const byTcp = (socket) => {
    socket.once('data', (data) => {
      const said = dns(data.subarray(2));
      const length = Buffer.alloc(2);
      length.writeUInt16BE(said.length);
      socket.end(Buffer.concat([length, said]));
    });
    socket.on('error', () => undefined);
  };
  servers.push(listening((done) => createTcp(byTcp).listen(53, at, done)));
}
await Promise.all(servers);
writeFileSync('/tmp/there', '');
process.stdout.write('the world is there\n');
