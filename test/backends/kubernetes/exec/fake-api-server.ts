import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocketServer, type WebSocket } from 'ws';
import { connect, type ApiConnection } from '../../../../lib/backends/kubernetes/api-connection.ts';
import type { ExecTarget } from '../../../../lib/backends/kubernetes/exec/open-exec.ts';
import { sessionName } from '../../../../lib/names.ts';

export interface FakeServer extends AsyncDisposable {
  readonly port: number;
  readonly requests: http.IncomingMessage[];
  readonly sockets: Set<Socket>;
}

export interface Behaviour {
  /** What runs in the container, as the server sees it. */
  readonly exec?: (ws: WebSocket, request: http.IncomingMessage) => void;
  readonly answer?: http.RequestListener;
  /** Answers an upgrade by itself; else a WebSocket comes of it. */
  readonly upgrade?: (request: http.IncomingMessage, socket: Socket) => void;
  /** The subprotocols that the server knows. */
  readonly protocols?: readonly string[];
  readonly tls?: https.ServerOptions;
}

/** The wire of an API server without a cluster behind it: the tests say what comes over it. */
export async function fakeServer(behaviour: Behaviour): Promise<FakeServer> {
  const protocols = behaviour.protocols ?? ['v5.channel.k8s.io'];
  const wss = new WebSocketServer({
    noServer: true,
    maxPayload: 0,
    handleProtocols: (offered) => protocols.find((name) => offered.has(name)) ?? false,
  });
  const requests: http.IncomingMessage[] = [];
  const sockets = new Set<Socket>();
  const server = behaviour.tls ? https.createServer(behaviour.tls) : http.createServer();
  server.on('request', (request, response) => {
    requests.push(request);
    if (behaviour.answer) behaviour.answer(request, response);
    else response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
  });
  server.on('upgrade', (request, socket: Socket, head) => {
    requests.push(request);
    if (behaviour.upgrade) return behaviour.upgrade(request, socket);
    wss.handleUpgrade(request, socket, head, (ws) => {
      ws.on('error', () => undefined);
      behaviour.exec?.(ws, request);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

export const target: ExecTarget = {
  session: sessionName('fix-auth'),
  namespace: 'work',
  pod: 'paude-fix-auth-0',
  container: 'agent',
  command: ['cat'],
};

export interface Folder extends AsyncDisposable {
  readonly path: string;
  /** Writes a file into it, and gives its path. */
  write(name: string, text: string, mode?: number): Promise<string>;
}

export async function folder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'paude-kube-'));
  return {
    path,
    write: async (name, text, mode = 0o600) => {
      await writeFile(join(path, name), text, { mode });
      return join(path, name);
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

/** A kubeconfig of one context; JSON is YAML. */
export function kubeconfig(server: string, user: object, cluster: object = {}, name = 'here'): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': name,
    clusters: [{ name, cluster: { server, ...cluster } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: 'work' } }],
  });
}

export async function connectTo(port: number): Promise<ApiConnection> {
  await using temporary = await folder();
  const file = await temporary.write('config', kubeconfig(`http://127.0.0.1:${port}`, { token: 'secret' }));
  return await connect(undefined, { env: { KUBECONFIG: file }, interactive: false });
}

/** The status message that ends an exec. */
export function statusFrame(exitCode: number): Buffer {
  const status =
    exitCode === 0
      ? { kind: 'Status', apiVersion: 'v1', status: 'Success' }
      : {
          kind: 'Status',
          apiVersion: 'v1',
          status: 'Failure',
          reason: 'NonZeroExitCode',
          message: `command terminated with non-zero exit code: exit status ${exitCode}`,
          details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
        };
  return Buffer.concat([Buffer.of(3), Buffer.from(JSON.stringify(status))]);
}
