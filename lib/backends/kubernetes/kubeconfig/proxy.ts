import http from 'node:http';
import https from 'node:https';
import { BlockList, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { PaudeError } from '../../../errors.ts';
import { KubeconfigError } from './kubeconfig-error.ts';

/**
 * The proxy that a server is reached through: the kubeconfig's own, or the environment's. Throws KubeconfigError,
 * CONFIG_INVALID.
 */
export function proxyFor(
  server: URL,
  configured: string | undefined,
  env: NodeJS.ProcessEnv,
): URL | undefined {
  if (configured) {
    const found = proxyUrl(configured);
    if (found !== undefined) return found;
    throw new KubeconfigError('invalid', `the proxy-url of ${server.host} is not the URL of a proxy`);
  }
  const name = server.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const proxy = env[name] || env[name.toLowerCase()];
  if (!proxy || isExempt(server, env['NO_PROXY'] || env['no_proxy'] || '')) return undefined;
  const found = proxyUrl(proxy.includes('://') ? proxy : `http://${proxy}`);
  if (found !== undefined) return found;
  const variable = env[name] ? name : name.toLowerCase();
  // What it is may have a password in it.
  throw new PaudeError('CONFIG_INVALID', `${variable} is not the URL of a proxy`, {
    hint: `${variable}=http://HOST:PORT, or unset ${variable}`,
  });
}

/** Undefined for what is no URL, or has a login in it that can't be read. */
function proxyUrl(text: string): URL | undefined {
  try {
    const url = new URL(text);
    decodeURIComponent(url.username + url.password);
    return url;
  } catch {
    return undefined;
  }
}

/** NO_PROXY as Go's httpproxy reads it, as kubectl does: names with those below them, addresses, CIDRs, ports, `*`. */
function isExempt(server: URL, list: string): boolean {
  const host = server.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = server.port || (server.protocol === 'https:' ? '443' : '80');
  if (host === 'localhost' || host === '::1' || /^127\./.test(host)) return true;
  return list
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => {
      if (entry === '') return false;
      if (entry === '*') return true;
      if (entry.includes('/')) return isInside(host, entry);
      const [, name = entry, only] =
        /^\[?([^\]]*?)\]?(?::(\d+))?$/.exec(isIP(entry) ? `[${entry}]` : entry) ?? [];
      if (only !== undefined && only !== port) return false;
      const bare = name.replace(/^\*?\./, '');
      return host === bare ? bare === name : isIP(bare) === 0 && host.endsWith(`.${bare}`);
    });
}

function isInside(host: string, cidr: string): boolean {
  const [network = '', length = ''] = cidr.split('/');
  const family = isIP(host);
  if (family === 0 || isIP(network) !== family) return false;
  if (!/^\d+$/.test(length) || Number(length) > (family === 4 ? 32 : 128))
    throw new PaudeError('CONFIG_INVALID', `NO_PROXY has a network in it that is none: ${cidr}`, {
      hint: `write its length after the slash, as in ${network}/${family === 4 ? 24 : 64}`,
    });
  const list = new BlockList();
  const type = family === 4 ? 'ipv4' : 'ipv6';
  list.addSubnet(network, Number(length), type);
  return list.check(host, type);
}

/** Keeps connections open, and notices a peer that went away while they were idle. */
const kept = { keepAlive: true, keepAliveInitialDelay: 5000, noDelay: true };

/** One agent for all that goes to a server. `proxy` may be http, https, or what socks-proxy-agent knows. */
export async function agentFor(server: URL, proxy: URL | undefined): Promise<http.Agent> {
  const secure = server.protocol === 'https:';
  if (proxy === undefined) return secure ? new https.Agent(kept) : new http.Agent(kept);
  if (proxy.protocol.startsWith('socks')) {
    const { SocksProxyAgent } = await import('socks-proxy-agent');
    return new SocksProxyAgent(proxy, kept);
  }
  return secure ? new TunnellingAgent(proxy) : new ForwardingAgent(proxy);
}

type Created = (error: Error | null, socket: Duplex) => void;

/** TLS to the server through a proxy's CONNECT. */
class TunnellingAgent extends https.Agent {
  readonly #proxy: URL;

  constructor(proxy: URL) {
    super(kept);
    this.#proxy = proxy;
  }

  // The callback is how http.Agent takes a connection that is not there at once.
  override createConnection(
    options: tls.ConnectionOptions & { host: string; port: number },
    created: Created,
  ): undefined {
    connectThrough(this.#proxy, options.host, options.port).then(
      (socket) => created(null, tls.connect({ ...options, socket })),
      (error: Error) => created(error, undefined as unknown as Duplex),
    );
  }
}

/** Plain HTTP goes through CONNECT as well: an upgrade then needs nothing special of the proxy. */
class ForwardingAgent extends http.Agent {
  readonly #proxy: URL;

  constructor(proxy: URL) {
    super(kept);
    this.#proxy = proxy;
  }

  override createConnection(options: { host: string; port: number }, created: Created): undefined {
    connectThrough(this.#proxy, options.host, options.port).then(
      (socket) => created(null, socket),
      (error: Error) => created(error, undefined as unknown as Duplex),
    );
  }
}

function connectThrough(proxy: URL, host: string, port: number): Promise<Socket> {
  const address = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  const login =
    proxy.username && `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return new Promise((resolve, reject) => {
    const request = (proxy.protocol === 'https:' ? https : http).request(proxy, {
      method: 'CONNECT',
      path: address,
      agent: false,
      headers: {
        host: address,
        ...(login && { 'proxy-authorization': `Basic ${Buffer.from(login).toString('base64')}` }),
      },
      timeout: 30_000,
    });
    request.once('connect', (response, socket: Socket, head) => {
      request.setTimeout(0);
      socket.setTimeout(0);
      if (response.statusCode === 200) {
        if (head.length > 0) socket.unshift(head);
        return resolve(socket);
      }
      socket.destroy();
      reject(proxyError(`answered ${response.statusCode} ${response.statusMessage}`.trim()));
    });
    request.once('timeout', () => request.destroy(proxyError('did not answer')));
    request.once('error', reject);
    request.end();
  });

  function proxyError(what: string): Error {
    return Object.assign(new Error(`the proxy ${proxy.host} ${what}`), { code: 'EPROXY' });
  }
}
