import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Suite } from '../harness/suite.ts';

/** What a registry at the wire does otherwise than it should. */
export interface Fault {
  /** Answers a request by itself; false leaves it to the registry. */
  (request: IncomingMessage, response: ServerResponse): boolean | Promise<boolean>;
}

/** One for a suite, which begins anew with each test. */
export function wireRegistry(test: Suite): WireRegistry {
  const registry = new WireRegistry();
  test.before.each(async () => {
    registry.beginAnew();
    await registry.listen();
  });
  test.after.each(() => registry.close());
  return registry;
}

/** A registry at the wire that keeps what it gets in memory: just what pushing needs, and faults on top. */
export class WireRegistry {
  readonly blobs = new Map<string, Buffer>();
  readonly manifests = new Map<string, Buffer>();
  readonly requests: string[] = [];
  /** The pieces of each, in their order. */
  readonly #uploads = new Map<string, Buffer[]>();
  #begun = 0;
  readonly #server: Server;
  fault: Fault = () => false;
  /** Told of each piece of a blob; what it waits for, the sender waits for. */
  piece: (request: IncomingMessage, bytes: Buffer) => void | Promise<void> = () => undefined;

  /** Speaks TLS with a certificate, else in the clear. */
  constructor(certificate?: { readonly cert: Buffer; readonly key: Buffer }) {
    const listener = (request: IncomingMessage, response: ServerResponse) => {
      this.requests.push(`${request.method} ${request.url}`);
      const answered = Promise.resolve(this.fault(request, response)).then((done) => {
        if (!done) return this.#answer(request, response);
      });
      // Connections break off, and are meant to.
      answered.catch(() => response.destroy());
    };
    this.#server =
      certificate === undefined ? createServer(listener) : createTlsServer(certificate, listener);
  }

  async listen(host = '127.0.0.1:0'): Promise<void> {
    const [address, port] = host.split(':');
    await new Promise<void>((resolve) => this.#server.listen(Number(port), address, resolve));
  }

  /** Where one in the clear is. */
  get origin(): URL {
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  beginAnew(): void {
    for (const kept of [this.blobs, this.manifests, this.#uploads]) kept.clear();
    this.requests.length = 0;
    this.fault = () => false;
    this.piece = () => undefined;
  }

  /** Has an image, of which only the manifest and the configuration can be read. */
  put(tag: string, configuration: object, layers: readonly object[] = []): void {
    const bytes = json(configuration);
    this.blobs.set(digestOf(bytes), bytes);
    this.manifests.set(tag, json({ config: { digest: digestOf(bytes) }, layers }));
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, 'http://registry');
    const [, kind = '', id = ''] = /\/(manifests|blobs\/uploads|blobs)\/([^/]*)$/.exec(url.pathname) ?? [];
    const { method } = request;
    if (kind === 'blobs' && method === 'HEAD') return reply(response, this.blobs.has(id) ? 200 : 404);
    if (kind === 'blobs' && method === 'GET') return reply(response, 200, {}, this.blobs.get(id));
    if (kind === 'blobs/uploads' && method === 'POST') {
      const upload = String(++this.#begun);
      this.#uploads.set(upload, []);
      return reply(response, 202, { location: `${url.pathname}${upload}` });
    }
    if (kind === 'blobs/uploads' && method === 'GET') {
      const length = lengthOf(this.#uploads.get(id)!);
      return reply(response, 204, { range: `0-${Math.max(0, length - 1)}`, location: url.pathname });
    }
    if (kind === 'blobs/uploads' && method === 'PATCH') {
      // (Distribution specification, "Pushing a blob in chunks": what does not follow on is answered 416.)
      const [, first, last] = /^(\d+)-(\d+)$/.exec(request.headers['content-range'] ?? '') ?? [];
      const [from, to] = [Number(first), Number(last)];
      if (first !== undefined && (from !== lengthOf(this.#uploads.get(id)!) || to < from)) {
        request.resume();
        return reply(response, 416);
      }
      // What has arrived is kept when the connection breaks off.
      for await (const chunk of request as AsyncIterable<Buffer>) {
        await this.piece(request, chunk);
        this.#uploads.get(id)!.push(chunk);
      }
      return reply(response, 202, { location: url.pathname });
    }
    if (kind === 'blobs/uploads' && method === 'PUT') {
      const digest = url.searchParams.get('digest')!;
      const bytes = Buffer.concat(this.#uploads.get(id)!);
      if (digestOf(bytes) !== digest)
        return reply(response, 400, {}, Buffer.from('{"errors":[{"code":"DIGEST_INVALID"}]}'));
      this.#uploads.delete(id);
      this.blobs.set(digest, bytes);
      return reply(response, 201, { 'docker-content-digest': digest });
    }
    if (kind === 'manifests' && method === 'PUT') {
      const bytes = Buffer.concat(await request.toArray());
      for (const name of [id, digestOf(bytes)]) this.manifests.set(name, bytes);
      return reply(response, 201, { 'docker-content-digest': digestOf(bytes) });
    }
    const manifest = this.manifests.get(id);
    reply(
      response,
      manifest === undefined ? 404 : 200,
      { 'content-type': 'application/vnd.oci.image.manifest.v1+json' },
      manifest,
    );
  }
}

function lengthOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

export function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export function reply(
  response: ServerResponse,
  status: number,
  headers: Record<string, string> = {},
  body?: Buffer,
): void {
  response.writeHead(status, headers).end(body);
}
