import { Duplex } from 'node:stream';
import type { ApiConnection } from '../api-connection.ts';
import { heartbeat } from '../exec/heartbeat.ts';
import { openWebSocket } from '../exec/open-exec.ts';

/**
 * The kubelet's port-forward over a WebSocket: the first byte of every message is its channel, 0 for the data and 1
 * for errors; the first message of each repeats the port. There is no end of one side alone.
 * https://github.com/kubernetes/kubernetes/blob/v1.34.4/staging/src/k8s.io/kubelet/pkg/cri/streaming/portforward/websocket.go
 */
const protocol = 'v4.channel.k8s.io';
const channel = { data: 0, error: 1 } as const;
/** What may wait in memory on its way to the server; bytes. */
const unsentLimit = 1024 * 1024;
/** The largest message that is sent; bytes. */
const frameSize = 64 * 1024;
/** Milliseconds. */
const pingInterval = 5000;

export interface ForwardTarget {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
}

/** One connection to a port of a pod. Throws ApiStatus, NoWebSocket, INTERRUPTED, and Node's own. */
export async function portForward(
  connection: ApiConnection,
  { namespace, pod, port }: ForwardTarget,
  signal: AbortSignal,
): Promise<Duplex> {
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}/portforward`;
  const { ws, socket } = await openWebSocket(
    connection,
    { path, query: { ports: port }, protocol },
    { signal },
  );
  const begun = new Set<number>();
  let wake: (() => void) | undefined;

  const send = async (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; at += frameSize) {
      const part = chunk.subarray(at, at + frameSize);
      const frame = Buffer.allocUnsafe(part.length + 1);
      frame[0] = channel.data;
      part.copy(frame, 1);
      ws.send(frame, (error) => {
        if (error) stream.destroy(error);
        if (error || ws.bufferedAmount < unsentLimit) wake?.();
      });
      while (ws.readyState === ws.OPEN && ws.bufferedAmount >= unsentLimit)
        await new Promise<void>((resolve) => (wake = resolve));
    }
  };

  const stream = new Duplex({
    allowHalfOpen: false,
    read: () => ws.resume(),
    write: (chunk: Buffer, _, done) => void send(chunk).then(() => done(), done),
    final: (done) => {
      ws.close();
      done();
    },
    destroy: (error, done) => {
      ws.terminate();
      done(error);
    },
  });

  const beat = heartbeat(
    ws,
    socket,
    pingInterval,
    () => ws.isPaused,
    () => stream.destroy(new Error(`the port-forward to ${pod} is dead`)),
  );
  ws.on('message', (data: Buffer) => {
    const from = data[0]!;
    const bytes = data.subarray(1);
    if (!begun.has(from)) return void begun.add(from);
    if (from === channel.error)
      return void stream.destroy(
        new Error(`the port-forward to ${pod} failed: ${bytes.toString('utf8').trim()}`),
      );
    if (bytes.length > 0 && !stream.push(bytes)) ws.pause();
  });
  ws.once('error', (error) => stream.destroy(error));
  ws.once('close', () => {
    beat[Symbol.dispose]();
    wake?.();
    stream.push(null);
    if (!stream.writableFinished) stream.destroy(new Error(`the port-forward to ${pod} was closed`));
  });
  ws.resume();
  return stream;
}
