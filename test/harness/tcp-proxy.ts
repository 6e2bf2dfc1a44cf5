import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { Transform } from 'node:stream';

/** From the client to the server, or back. */
export type Way = 'up' | 'down';

/** A plain TCP proxy whose connections can be made to fail as those of a network do. */
export interface TcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Bytes that have passed, of all connections since the last `cutAfter`. */
  readonly passed: Readonly<Record<Way, number>>;
  /**
   * Cuts all connections when so many more bytes have passed that way; new ones are refused until `mend`, or pass
   * where it is cut just once.
   */
  cutAfter(way: Way, bytes: number, once?: boolean): void;
  /** Whether `cutAfter` has come to that. */
  readonly hasCut: boolean;
  /** Passes nothing on from now on; the connections stay, and new ones get no answer either. */
  stall(): void;
  /** What is open passes nothing on from now on, and is never closed by it; new connections are as before. */
  freeze(): void;
  /** Tells this side of every connection that no more comes, and drops what still does. */
  halfClose(side: 'client' | 'server'): void;
  /** Everything passes again. */
  mend(): void;
  /** How many connections are open. */
  readonly open: number;
}

export interface ProxyOptions {
  /** Cuts a connection on which so long nothing has passed; milliseconds. */
  readonly idle?: number;
  /** How much passes in a second, each way on each connection; bytes. */
  readonly rate?: number;
}

export async function tcpProxy(
  host: string,
  port: number,
  { idle, rate = Infinity }: ProxyOptions = {},
): Promise<TcpProxy> {
  const pairs = new Set<Record<'client' | 'server', Socket>>();
  const passed = { up: 0, down: 0 };
  const limits = { up: Infinity, down: Infinity };
  let hasCut = false;
  let isOnce = false;
  let flowing = Promise.resolve();
  let flow = () => {};
  const cut = () => {
    for (const { client, server } of pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  };

  const gate = (way: Way) =>
    new Transform({
      transform: (chunk: Buffer, _, done) =>
        void flowing.then(() => {
          const room = limits[way] - passed[way];
          passed[way] += Math.min(chunk.length, room);
          setTimeout(() => done(null, chunk.subarray(0, room)), (chunk.length / rate) * 1000);
          if (chunk.length < room) return;
          hasCut = true;
          // What has passed so far arrives.
          setTimeout(() => {
            cut();
            if (isOnce) limits[way] = Infinity;
          }, 10);
        }),
    });

  const listener = createServer({ allowHalfOpen: true }, (client) => {
    if (hasCut && !isOnce) return client.resetAndDestroy();
    const server = connect({ host, port, allowHalfOpen: true });
    const pair = { client, server };
    pairs.add(pair);
    for (const socket of [client, server]) {
      socket.on('error', () => undefined);
      socket.once('close', () => {
        pairs.delete(pair);
        client.destroy();
        server.destroy();
      });
      if (idle !== undefined) socket.setTimeout(idle, () => socket.resetAndDestroy());
    }
    client.pipe(gate('up')).pipe(server);
    server.pipe(gate('down')).pipe(client);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');

  return {
    port: (listener.address() as AddressInfo).port,
    passed,
    cutAfter(way, bytes, once = false) {
      isOnce = once;
      Object.assign(passed, { up: 0, down: 0 });
      limits[way] = bytes;
    },
    get hasCut() {
      return hasCut;
    },
    stall: () => void (flowing = new Promise<void>((resolve) => (flow = resolve))),
    freeze() {
      for (const { client, server } of pairs) {
        client.unpipe().pause();
        server.unpipe().pause();
      }
    },
    halfClose(side) {
      for (const pair of pairs) {
        const other = pair[side === 'client' ? 'server' : 'client'];
        other.unpipe();
        other.resume();
        pair[side].end();
      }
    },
    mend() {
      Object.assign(limits, { up: Infinity, down: Infinity });
      hasCut = false;
      flow();
      flowing = Promise.resolve();
    },
    get open() {
      return pairs.size;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      cut();
      await once(listener, 'close');
    },
  };
}
