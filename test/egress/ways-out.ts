/** Something that is tried: what test/egress/tries.py reads. */
export type Try = Readonly<Record<string, unknown>> & { readonly kind: string };

/** A way out of a session that must be closed, and a try that shows that its target is there to be reached. */
export interface WayOut {
  readonly name: string;
  readonly inside: Try;
  readonly outside: Try;
}

export interface Surroundings {
  /** An address out there, in dots. */
  readonly address: string;
  /** Allowed at 443; allowed at 80 in the clear; not allowed; allowed, and with a private address. */
  readonly allowed: string;
  readonly plain: string;
  readonly forbidden: string;
  readonly hidden: string;
  /** A private address where `hidden` leads to, with a TLS server at 443. */
  readonly inner: string;
  /** The same by IPv6, where there is one: out there, in private, and an allowed name that leads there. */
  readonly address6?: string;
  readonly inner6?: string;
  readonly hidden6?: string;
  /** Ports of neighbours that answer where nothing filters: the node, other pods, another session's proxy. */
  readonly neighbours: readonly { readonly name: string; readonly address: string; readonly port: number }[];
  /** Name servers that answer, besides the one at `address`; the session's own counts where there is none. */
  readonly nameserver?: string;
}

export function waysOut(world: Surroundings): readonly WayOut[] {
  return [...direct(world), ...bySix(world), ...byName(world), ...inTunnel(world), ...asHttp(world)];
}

function direct({ address, neighbours, forbidden, nameserver, allowed }: Surroundings): readonly WayOut[] {
  const same = (name: string, both: Try): WayOut => ({ name, inside: both, outside: both });
  const hex = address
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join('');
  return [
    ...[443, 80, 8443, 53].map((port) => same(`straight to port ${port}`, { kind: 'tcp', address, port })),
    same('through the IPv6 form of an IPv4 address', {
      kind: 'tcp',
      address: `::ffff:${address}`,
      port: 443,
    }),
    same('its other notation', {
      kind: 'tcp',
      address: `::ffff:${hex.slice(0, 4)}:${hex.slice(4)}`,
      port: 443,
    }),
    same('TLS straight to an address', { kind: 'tls', address, port: 443, sni: forbidden }),
    same('DNS by UDP', { kind: 'udp', address, name: forbidden }),
    same('DNS by TCP', { kind: 'tcp_dns', address, name: forbidden }),
    same('the own name server by UDP', { kind: 'udp', name: allowed, address: nameserver }),
    same('the own name server by TCP', { kind: 'tcp_dns', name: allowed, address: nameserver }),
    same('the resolver', { kind: 'resolve', name: allowed }),
    same('ICMP', { kind: 'icmp', address }),
    ...neighbours.map(({ name, address: at, port }) => same(name, { kind: 'tcp', address: at, port })),
  ];
}

/** What IPv6 leads to, where the world has it: straight, and by the proxy. */
function bySix({ address6, inner6, hidden6, forbidden }: Surroundings): readonly WayOut[] {
  if (address6 === undefined || inner6 === undefined || hidden6 === undefined) return [];
  const same = (name: string, both: Try): WayOut => ({ name, inside: both, outside: both });
  const tunnel = (name: string, to: string, sni: string, address: string): WayOut => ({
    name,
    inside: { kind: 'connect', to, sni },
    outside: { kind: 'tls', address, port: 443, sni },
  });
  return [
    ...[443, 80, 53].map((port) =>
      same(`straight by IPv6 to port ${port}`, { kind: 'tcp', address: address6, port }),
    ),
    same('TLS straight by IPv6', { kind: 'tls', address: address6, port: 443, sni: forbidden }),
    same('DNS by TCP over IPv6', { kind: 'tcp_dns', address: address6, name: forbidden }),
    same('DNS by UDP over IPv6', { kind: 'udp', address: address6, name: forbidden }),
    tunnel('an IPv6 address', `[${address6}]:443`, forbidden, address6),
    tunnel('an IPv6 address in full', `[${inFull(address6)}]:443`, forbidden, address6),
    tunnel('an IPv6 address with a zone', `[${address6}%25eth0]:443`, forbidden, address6),
    tunnel('a private IPv6 address', `[${inner6}]:443`, forbidden, inner6),
    tunnel('an allowed name with a private IPv6 address', `${hidden6}:443`, hidden6, inner6),
  ];
}

function inFull(address: string): string {
  const [head = [], tail = []] = address.split('::').map((part) => part.split(':').filter(Boolean));
  const groups = [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
  return groups
    .map((group) => group.padStart(4, '0'))
    .join(':')
    .toUpperCase();
}

/** Requests for a tunnel to what is not allowed, in every dress. */
function byName({ address, allowed, forbidden, hidden, inner }: Surroundings): readonly WayOut[] {
  const parts = address.split('.').map(Number);
  const number = parts.reduce((sum, part) => sum * 256 + part, 0);
  const octal = parts.map((part) => `0${part.toString(8)}`).join('.');
  const hex = number.toString(16).padStart(8, '0');
  const target: Try = { kind: 'tls', address, port: 443, sni: forbidden };
  const way = (name: string, to: string, outside = target): WayOut => ({
    name,
    inside: { kind: 'connect', to, sni: forbidden },
    outside,
  });
  const own = (name: string, to: string, sni: string, outside: Try): WayOut => ({
    name,
    inside: { kind: 'connect', to, sni },
    outside,
  });
  // What speaks no TLS, or is not there: the proxy's consent alone counts. A proxy that filters nothing gives it.
  const asked = (name: string, to: string): WayOut => ({
    name,
    inside: { kind: 'consent', to },
    outside: { kind: 'consent', to: `${address}:443`, at: [address, 80] },
  });
  return [
    way('a name that is not allowed', `${forbidden}:443`),
    way('in upper case', `${forbidden.toUpperCase()}:443`),
    way('with a dot at its end', `${forbidden}.:443`),
    way('with two dots', `${forbidden}..:443`),
    own('an allowed name at another port', `${allowed}:8443`, allowed, {
      ...target,
      port: 8443,
      sni: allowed,
    }),
    own('an allowed name at the port in the clear', `${allowed}:80`, allowed, {
      kind: 'tls',
      address,
      port: 80,
      plain: true,
      host: allowed,
    }),
    way('an address', `${address}:443`),
    way('an address as a number', `${number}:443`),
    way('an address in hexadecimal', `0x${hex}:443`),
    way('an address in octal', `${octal}:443`),
    way('an address as IPv6', `[::ffff:${address}]:443`),
    way('its other notation as IPv6', `[::ffff:${hex.slice(0, 4)}:${hex.slice(4)}]:443`),
    asked('NAT64 of an address', `[64:ff9b::${hex.slice(0, 4)}:${hex.slice(4)}]:443`),
    way('user before the name', `${allowed}@${forbidden}:443`),
    way('name before the user', `${forbidden}@${allowed}:443`),
    way('a slash in the name', `${forbidden}/.${allowed}:443`),
    way('a question mark in the name', `${forbidden}?.${allowed}:443`),
    way('a hash in the name', `${forbidden}#.${allowed}:443`),
    way('a zero byte in the name', `${forbidden}%00.${allowed}:443`),
    way('a tab in the name', `${forbidden}\t.${allowed}:443`),
    way('an allowed name as the beginning', `${allowed}.${forbidden}:443`),
    way('two ports', `${forbidden}:443:443`),
    own('an allowed name with a private address', `${hidden}:443`, hidden, {
      kind: 'tls',
      address: inner,
      port: 443,
      sni: hidden,
    }),
    own('a private address', `${inner}:443`, hidden, { kind: 'tls', address: inner, port: 443, sni: hidden }),
    asked('the proxy itself', '127.0.0.1:3128'),
    asked('what is behind the door', 'localhost:3129'),
    asked('metadata by the proxy', '169.254.169.254:80'),
  ];
}

/** Tunnels to an allowed name in which something else is asked for. */
function inTunnel({ address, allowed, forbidden }: Surroundings): readonly WayOut[] {
  const outside: Try = { kind: 'tls', address, port: 443, sni: forbidden };
  const tunnel = (name: string, more: object): WayOut => ({
    name,
    inside: { kind: 'connect', to: `${allowed}:443`, ...more },
    outside,
  });
  return [
    tunnel('another name in TLS', { sni: forbidden }),
    tunnel('another name in TLS, in upper case', { sni: forbidden.toUpperCase() }),
    tunnel('no name in TLS', {}),
    tunnel('the allowed name below another one in TLS', { sni: `${allowed}.${forbidden}` }),
    tunnel('no TLS at all', { plain: true, sni: forbidden }),
  ];
}

function asHttp({ address, allowed, plain, forbidden }: Surroundings): readonly WayOut[] {
  const outside: Try = { kind: 'tls', address, port: 80, plain: true, host: forbidden };
  const way = (
    name: string,
    bytes: string,
    expect: readonly string[] = [`reached plain ${forbidden}`],
  ): WayOut => ({
    name,
    inside: { kind: 'raw', bytes, expect },
    outside,
  });
  const get = (url: string, host: string, more = '') =>
    `GET ${url} HTTP/1.1\r\nHost: ${host}\r\n${more}Connection: close\r\n\r\n`;
  const managed = ['HTTP/1.1 200', 'HTTP/1.0 200'];
  const kept = (host: string) => `GET http://${host}/who HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  const opening = `CONNECT ${allowed}:443 HTTP/1.1\r\nHost: ${allowed}\r\n\r\n`;
  // To what is allowed, but so that the proxy would not know it again when it is denied.
  const unlabelled = (name: string, bytes: string, then?: string): WayOut => ({
    name,
    inside: { kind: 'raw', bytes, then, expect: managed },
    outside: { kind: 'tls', address, port: 443, sni: allowed },
  });
  const second = get(`http://${forbidden}/who`, forbidden);
  return [
    way('a request in the clear', get(`http://${forbidden}/who`, forbidden)),
    way('a request in the clear to another Host', get(`http://${plain}/who`, forbidden)),
    way('a path with a Host', get('/who', forbidden)),
    way('two Hosts', get(`http://${plain}/who`, plain, `Host: ${forbidden}\r\n`)),
    way('an allowed name in the clear that is not allowed so', get(`http://${allowed}/who`, allowed), [
      'reached plain',
    ]),
    way('user in the URL', get(`http://${plain}@${forbidden}/who`, plain)),
    way('a backslash in the URL', get(`http://${forbidden}\\@${plain}/who`, plain)),
    way('another port in the clear', get(`http://${plain}:8443/who`, plain), ['reached', 'HTTPS server']),
    way('a second request behind one that is refused', `CONNECT ${forbidden}:443 HTTP/1.1\r\n\r\n${second}`),
    unlabelled('a tunnel behind a request that is refused', kept(forbidden), opening),
    unlabelled('a tunnel behind a request that is allowed', kept(plain), opening),
    unlabelled('a tunnel behind an empty line', `\r\n${opening}`),
    unlabelled('a tunnel by a method in lower case', opening.replace('CONNECT', 'connect')),
    way(
      'a second request behind one that is allowed',
      get(`http://${plain}/who`, plain).replace('close', 'keep-alive') + second,
    ),
    way(
      'a request in the body of another, by two lengths',
      `POST http://${plain}/who HTTP/1.1\r\nHost: ${plain}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${second}`,
    ),
    way(
      'a request in the body of another, by a strange coding',
      `POST http://${plain}/who HTTP/1.1\r\nHost: ${plain}\r\nContent-Length: 6\r\nTransfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\nG${second}`,
    ),
    way('a header folded over two lines', get(`http://${plain}/who`, `\r\n ${forbidden}`)),
    way('a line break in the URL', get(`http://${plain}/who%0d%0aHost:%20${forbidden}`, plain)),
    way('the first version of HTTP', `GET http://${forbidden}/who\r\n\r\n`),
    // No FTP server is there: that the proxy asks for one counts, whatever comes of it.
    way('FTP', get(`ftp://${forbidden}/who`, forbidden), ['HTTP/1.1 2', 'HTTP/1.1 5']),
    way('the cache manager by its path', get('/squid-internal-mgr/info', '127.0.0.1:3128'), managed),
    way('the cache manager by its name', get('http://squid-internal-mgr/menu', 'x'), managed),
    way('the cache manager by its scheme', get('cache_object://127.0.0.1/info', 'x'), managed),
    way('TRACE', `TRACE http://${plain}/ HTTP/1.1\r\nHost: ${plain}\r\nMax-Forwards: 0\r\n\r\n`, [
      'HTTP/1.1 200',
    ]),
    way('SOCKS', '\x05\x01\x00', ['\x05\x00']),
    way('HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', ['\0\0']),
    way('an upgrade', get(`http://${forbidden}/who`, forbidden, 'Upgrade: websocket\r\n')),
    way('DNS over HTTPS', `CONNECT dns.${forbidden}:443 HTTP/1.1\r\nHost: dns.${forbidden}\r\n\r\n`, [
      'HTTP/1.1 200',
    ]),
  ];
}
