import http from 'node:http';
import https from 'node:https';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { interrupted } from '../../errors.ts';
import { ApiStatus, parseStatus } from './exec/api-status.ts';
import { credentialsOf, pem, type Credentials } from './kubeconfig/credentials.ts';
import { targetOf, type Target } from './kubeconfig/kubeconfig.ts';
import { readKubeconfig } from './kubeconfig/read-kubeconfig.ts';
import { agentFor, proxyFor } from './kubeconfig/proxy.ts';
import { isAskedAgain } from './retry-after.ts';

export { ApiStatus } from './exec/api-status.ts';
export { KubeconfigError } from './kubeconfig/kubeconfig-error.ts';

/** How long the API server may be silent before it has begun to answer; milliseconds. */
const patience = 30_000;
/** After how long the server is to end a watch, so that one that says nothing can be told from a dead one; seconds. */
const watchTime = 45;

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface RequestOptions {
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Such as `application/apply-patch+yaml`, of which JSON is a part. */
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  readonly userAgent?: string;
}

export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: T;
}

/** What a WebSocket needs to reach the same server as the same user. */
export interface Upgrade {
  readonly url: URL;
  readonly options: Omit<https.RequestOptions, 'headers'> & { readonly headers: http.OutgoingHttpHeaders };
}

/** One context's API server, as its user. Failures come as they are: ApiStatus, KubeconfigError, Node's own. */
export interface ApiConnection {
  readonly server: URL;
  readonly context: string;
  /** There is no kubeconfig: it is a pod's own login, and `context` a name that only we give it. */
  readonly inCluster: boolean;
  /** The context's namespace, if it names one. */
  readonly namespace: string | undefined;
  /** The user's name in the kubeconfig, which is not the one that the server knows. */
  readonly user: string;
  /** JSON in and out; an answer that is not JSON is a string. Throws ApiStatus from 400 on, INTERRUPTED. */
  request<T>(method: string, path: string, options?: RequestOptions): Promise<{ status: number; body: T }>;
  /**
   * The events of a watch, until the server ends it (after `timeoutSeconds` of the query, 45 without it) or the signal.
   * A server that is silent for a third longer than that is dead: ETIMEDOUT. Throws ApiStatus; 410 when the resource
   * version is too old.
   */
  watch<T>(path: string, query: Query, signal: AbortSignal): AsyncIterable<WatchEvent<T>>;
  /** Where and how to ask for a WebSocket. */
  upgrade(path: string, query: Query, signal?: AbortSignal): Promise<Upgrade>;
  /** Its credentials were refused (401). True if asking anew may give others. `request` and `watch` do so. */
  renew(refused: Upgrade): boolean;
  /** The server's clock, as its last answer showed it, or ours before that; milliseconds, right to half a second. */
  now(): number;
  /** Closes the connections that are idle. They don't hold up the program's end. */
  close(): void;
}

export interface ConnectOptions {
  /** KUBECONFIG, HOME, HTTPS_PROXY, NO_PROXY, and what plugins need. */
  readonly env: NodeJS.ProcessEnv;
  /** A person typed the verb on a terminal, so that a plugin may ask. */
  readonly interactive: boolean;
}

/** Reads the kubeconfig; contacts nothing. The current context without a name. Throws KubeconfigError. */
export async function connect(context: string | undefined, options: ConnectOptions): Promise<ApiConnection> {
  const target = targetOf(await readKubeconfig(options.env), context);
  const proxy = proxyFor(target.server, target.cluster['proxy-url'], options.env);
  const agent = await agentFor(target.server, proxy);
  return apiConnection(target, credentialsOf(target, options), agent, await trustOf(target));
}

/** Whom to believe that it is the server. */
async function trustOf({ cluster }: Target): Promise<https.RequestOptions> {
  const ca = await pem(cluster['certificate-authority-data'], cluster['certificate-authority']);
  return {
    ...(ca && { ca }),
    ...(cluster['tls-server-name'] && { servername: cluster['tls-server-name'] }),
    ...(cluster['insecure-skip-tls-verify'] === true && { rejectUnauthorized: false }),
  };
}

function apiConnection(
  target: Target,
  credentials: Credentials,
  agent: http.Agent,
  trust: https.RequestOptions,
): ApiConnection {
  const { server } = target;
  let ahead = 0;

  async function upgrade(path: string, query: Query, signal?: AbortSignal): Promise<Upgrade> {
    const { headers, ...identity } = await credentials.current(signal);
    const url = new URL(server.pathname.replace(/\/$/, '') + path, server);
    for (const [key, value] of Object.entries(query)) {
      for (const each of Array.isArray(value) ? value : [value]) {
        if (each !== undefined) url.searchParams.append(key, String(each));
      }
    }
    return { url, options: { agent, ...trust, ...identity, headers } };
  }

  /** The answer's beginning; its body is still to be read. */
  async function send(method: string, path: string, options: RequestOptions): Promise<http.IncomingMessage> {
    const { signal } = options;
    for (let attempt = 1; ; attempt++) {
      const { url, options: own } = await upgrade(path, options.query ?? {}, signal);
      const answer = await sendOnce(method, url, own, options);
      const status = answer.statusCode ?? 0;
      const date = Date.parse(answer.headers.date ?? '');
      // It has whole seconds (RFC 9110, 5.6.7), and was cut off rather than rounded.
      if (Number.isFinite(date)) ahead = date + 500 - Date.now();
      const isPage = /^text\/html\b/i.test(answer.headers['content-type'] ?? '');
      if (status < 300 && !isPage) return answer;
      const said = await bodyOf(answer, signal);
      if (status === 401 && attempt === 1 && credentials.refused(own.headers)) continue;
      if (await isAskedAgain(answer, attempt, signal)) continue;
      const page = `${url.host} answered with a web page (${status} ${answer.statusMessage}), as no API server does`;
      throw new ApiStatus(`${method} ${path}`, status, parseStatus(said), isPage ? page : said);
    }
  }

  async function request<T>(method: string, path: string, options: RequestOptions = {}) {
    const answer = await send(method, path, options);
    const said = await bodyOf(answer, options.signal);
    const isJson = /[/+]json\b/.test(answer.headers['content-type'] ?? '');
    return { status: answer.statusCode ?? 0, body: (isJson ? JSON.parse(said) : said) as T };
  }

  async function* watch<T>(path: string, query: Query, signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
    const asked = { timeoutSeconds: watchTime, ...query, watch: true };
    const answer = await send('GET', path, { query: asked, signal });
    notSilent(answer, (Number(asked.timeoutSeconds) * 4000) / 3);
    try {
      for await (const line of linesOf(answer)) {
        const event = JSON.parse(line) as { type: WatchEvent<T>['type'] | 'ERROR'; object: T };
        if (event.type === 'ERROR') {
          const said = JSON.stringify(event.object);
          const status = parseStatus(said);
          throw new ApiStatus(`GET ${path}`, status?.code ?? 500, status, said);
        }
        yield event as WatchEvent<T>;
      }
    } catch (error) {
      throw signal.aborted ? interrupted() : error;
    } finally {
      answer.destroy();
    }
  }

  return {
    server,
    context: target.context,
    inCluster: target.inCluster,
    namespace: target.namespace,
    user: target.userName,
    request,
    watch,
    upgrade,
    renew: ({ options }) => credentials.refused(options.headers),
    now: () => Date.now() + ahead,
    close: () => agent.destroy(),
  };
}

async function sendOnce(
  method: string,
  url: URL,
  own: https.RequestOptions,
  { body, contentType = 'application/json', signal, userAgent = 'git-paude' }: RequestOptions,
): Promise<http.IncomingMessage> {
  const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const headers = {
    accept: 'application/json, */*',
    'user-agent': userAgent,
    ...(payload && { 'content-type': contentType, 'content-length': payload.length }),
    ...(own.headers as http.OutgoingHttpHeaders),
  };
  for (let again = true; ; again = false) {
    if (signal?.aborted) throw interrupted();
    const options = { ...own, method, headers, timeout: patience, ...(signal && { signal }) };
    const request = (url.protocol === 'https:' ? https : http).request(url, options);
    try {
      return await new Promise<http.IncomingMessage>((resolve, reject) => {
        request.once('timeout', () =>
          request.destroy(Object.assign(new Error(`${url.host} does not answer`), { code: 'ETIMEDOUT' })),
        );
        request.once('error', reject);
        request.once('response', (answer) => {
          // What follows is another matter: a watch is silent while nothing happens.
          request.setTimeout(0);
          resolve(answer);
        });
        request.end(payload);
      });
    } catch (error) {
      if (signal?.aborted) throw interrupted();
      // The server closed a connection that was kept, just as it was used again.
      if (!again || !request.reusedSocket || method === 'POST' || !isReset(error)) throw error;
    }
  }
}

function isReset(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}

/** Breaks an answer off that stops in the middle. */
function notSilent(answer: http.IncomingMessage, milliseconds: number): void {
  const late = () =>
    answer.destroy(Object.assign(new Error('it does not answer any more'), { code: 'ETIMEDOUT' }));
  answer.setTimeout(milliseconds, late);
  answer.once('close', () => answer.socket?.off('timeout', late));
}

async function bodyOf(answer: http.IncomingMessage, signal: AbortSignal | undefined): Promise<string> {
  notSilent(answer, patience);
  return await text(answer).catch((error: unknown) => {
    throw signal?.aborted ? interrupted() : error;
  });
}

async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of stream.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    for (const line of lines) if (line !== '') yield line;
  }
}
