import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

/** A proxy, as HTTPS_PROXY names one, that counts what is sent through it. */
export interface CountingProxy {
  readonly url: string;
  /** Bytes, TLS among them, since this was last asked. */
  sent(): number;
  end(): void;
}

export async function countingProxy(): Promise<CountingProxy> {
  let bytes = 0;
  const server: Server = createServer();
  server.on('connect', ({ url }, near: Socket) => {
    const at = url!.lastIndexOf(':');
    const far = connect(Number(url!.slice(at + 1)), url!.slice(0, at), () =>
      near.write('HTTP/1.1 200 Connection established\r\n\r\n'),
    );
    for (const one of [near, far]) one.on('error', () => undefined);
    near.on('data', (chunk: Buffer) => (bytes += chunk.length));
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent() {
      const now = bytes;
      bytes = 0;
      return now;
    },
    end: () => void server.close(),
  };
}
