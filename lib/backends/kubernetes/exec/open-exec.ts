import type { IncomingMessage, ClientRequest } from 'node:http';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import WebSocket from 'ws';
import { interrupted } from '../../../errors.ts';
import type { SessionName } from '../../../names.ts';
import type { ApiConnection, Query } from '../api-connection.ts';
import { isAskedAgain } from '../retry-after.ts';
import { ApiStatus, parseStatus } from './api-status.ts';
import { subprotocol } from './channels.ts';

/** One command in one container. */
export interface ExecTarget {
  readonly session: SessionName;
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly command: readonly string[];
}

export interface ExecOptions {
  readonly signal: AbortSignal;
  /**
   * Called when the stream is open: whoever watches the pod tells when it or its container is gone, for the stream
   * itself may say nothing for minutes.
   */
  readonly death?: () => Promise<Error>;
  /** How often the server is pinged; milliseconds. */
  readonly pingInterval?: number;
  readonly userAgent?: string;
}

/** The server, or something before it, speaks no WebSocket or not v5: `kubectl exec` may still get through. */
export class NoWebSocket extends Error {
  override readonly name = 'NoWebSocket';
}

/** How long the server may take to upgrade; milliseconds. */
const patience = 30_000;

/**
 * A mask of zeros, which changes nothing. It is to keep what a web page sends from looking like a request to a proxy in
 * between (RFC 6455, 10.3): inside TLS there is none, and masking costs a copy of every byte.
 */
const unmasked = (mask: Buffer): void => void mask.fill(0);

/** An open WebSocket and what is below it. Nothing was read from it yet. */
export interface OpenSocket {
  readonly ws: WebSocket;
  readonly socket: Socket;
}

/** Opens the streams of a command. Throws like `openWebSocket`. */
export async function openSocket(
  connection: ApiConnection,
  target: ExecTarget,
  tty: boolean,
  options: ExecOptions,
): Promise<OpenSocket> {
  const path = `/api/v1/namespaces/${target.namespace}/pods/${target.pod}/exec`;
  const query = {
    container: target.container,
    command: target.command,
    stdin: true,
    stdout: true,
    // A terminal has one stream only.
    stderr: !tty,
    tty,
  };
  return openWebSocket(connection, { path, query, protocol: subprotocol }, options);
}

/** Asks for an upgrade. Throws ApiStatus, NoWebSocket, INTERRUPTED, and Node's own when the server isn't reached. */
export async function openWebSocket(
  connection: ApiConnection,
  { path, query, protocol }: { readonly path: string; readonly query: Query; readonly protocol: string },
  { signal, userAgent = 'git-paude' }: Pick<ExecOptions, 'signal' | 'userAgent'>,
): Promise<OpenSocket> {
  for (let attempt = 1; ; attempt++) {
    const { url, options } = await connection.upgrade(path, query, signal);
    if (signal.aborted) throw interrupted();
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    let asked: ClientRequest | undefined;
    let refusal: IncomingMessage | undefined;
    const ws = new WebSocket(url, [protocol], {
      ...(options as object),
      headers: { ...(options.headers as Record<string, string>), 'user-agent': userAgent },
      perMessageDeflate: false,
      ...(url.protocol === 'wss:' && { generateMask: unmasked }),
      maxPayload: 0,
      handshakeTimeout: patience,
      finishRequest: (request) => {
        asked = request;
        request.end();
      },
    });
    ws.once('unexpected-response', (_, answer: IncomingMessage) => (refusal = answer));
    try {
      return await upgraded(ws, `GET ${path}`, signal);
    } catch (error) {
      const again = attempt === 1;
      if (error instanceof ApiStatus && error.code === 401 && again && connection.renew({ url, options }))
        continue;
      if (refusal !== undefined && (await isAskedAgain(refusal, attempt, signal))) continue;
      // A connection that was kept, and that the server closed just as it was used again.
      const reset = error instanceof Error && 'code' in error && error.code === 'ECONNRESET';
      if (!again || !reset || !asked?.reusedSocket || signal.aborted) throw error;
    }
  }
}

function upgraded(ws: WebSocket, request: string, signal: AbortSignal): Promise<OpenSocket> {
  return new Promise((resolve, reject) => {
    let socket: Socket | undefined;
    let refusal = false;
    const settle = (act: () => void) => {
      signal.removeEventListener('abort', abort);
      act();
    };
    const abort = () => {
      settle(() => reject(interrupted()));
      ws.terminate();
    };
    signal.addEventListener('abort', abort);
    ws.on('error', (error: NodeJS.ErrnoException) => {
      // Reading the refusal's body is the answer then.
      if (!refusal) settle(() => reject(unopened(error)));
    });
    ws.once('upgrade', (answer: IncomingMessage) => (socket = answer.socket));
    ws.once('open', () => {
      // Until somebody listens, nothing is to be read.
      ws.pause();
      settle(() => resolve({ ws, socket: socket! }));
    });
    ws.once('unexpected-response', (_, answer: IncomingMessage) => {
      refusal = true;
      const read = text(answer).catch(() => '');
      void read.then((said) => {
        settle(() => reject(refused(request, answer.statusCode ?? 0, said)));
        ws.terminate();
      });
    });
  });
}

/** ws complains of an upgrade that is not one in words alone; what Node complains of has a code. */
function unopened(error: NodeJS.ErrnoException): Error {
  if (error.code !== undefined) return error;
  if (/timed out/.test(error.message)) return Object.assign(error, { code: 'ETIMEDOUT' });
  return new NoWebSocket(error.message);
}

function refused(request: string, code: number, said: string): Error {
  const status = parseStatus(said);
  // Upgrade headers that a proxy has taken away: the API server then sees a plain GET.
  const noUpgrade = /upgrade request required|unable to upgrade|bad handshake/i.test(status?.message ?? said);
  const isOurs = status !== undefined || code === 401 || code === 429 || code >= 500;
  if (code < 400 || code === 426 || code === 501 || !isOurs || (noUpgrade && code < 500)) {
    return new NoWebSocket(`the upgrade was answered ${code}: ${said.trim().slice(0, 300)}`);
  }
  return new ApiStatus(request, code, status, said);
}
