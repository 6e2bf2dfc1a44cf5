import { createHash } from 'node:crypto';
import type { OutgoingHttpHeaders } from 'node:http';
import { authority, type LoginPort } from './registry-auth.ts';
import { answerError, lied } from './registry-errors.ts';
import { send, type Answer, type RegistryWire, type Sent } from './registry-wire.ts';

/** An image's manifest, as the registry gave it: the digest is of these very bytes. */
export interface Manifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly config?: { readonly digest: string };
  readonly layers?: readonly { readonly digest: string; readonly size: number }[];
  /** Of an index: one manifest for each platform. */
  readonly manifests?: readonly {
    readonly digest: string;
    readonly platform?: { os: string; architecture: string };
  }[];
}

export const manifestTypes = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join(', ');

export interface Request extends Omit<Sent, 'headers'> {
  readonly headers?: OutgoingHttpHeaders;
  /** For the errors: `push a layer`. */
  readonly what: string;
  /** Another repository that it takes the right to read. */
  readonly reading?: string;
  /** Answers that are no failure, besides 2xx. */
  readonly also?: readonly number[];
}

/** A registry (OCI distribution specification, version 1), and one repository of it. Errors are ours. */
export interface Repository {
  readonly wire: RegistryWire;
  readonly name: string;
  /** A request below `/v2/NAME/`, or to a URL that the registry gave. */
  request(method: string, path: string | URL, request: Request): Promise<Answer>;
  /** By tag or digest; undefined where there is none. Throws REGISTRY_LIED. */
  manifest(reference: string, signal: AbortSignal): Promise<Manifest | undefined>;
  /** The JSON of a blob that is an image's configuration. */
  config(digest: string, signal: AbortSignal): Promise<ImageConfig>;
  putManifest(tag: string, bytes: Buffer, mediaType: string, signal: AbortSignal): Promise<string>;
  tags(signal: AbortSignal): Promise<readonly string[]>;
  deleteManifest(digest: string, signal: AbortSignal): Promise<void>;
}

export interface ImageConfig {
  readonly os?: string;
  readonly architecture?: string;
  readonly created?: string;
  readonly config?: {
    readonly Labels?: Readonly<Record<string, string>>;
    readonly Env?: readonly string[];
    readonly Entrypoint?: readonly string[];
  };
}

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

export function repository(wire: RegistryWire, name: string, port: LoginPort): Repository {
  const speaker = authority(wire, port);

  async function request(method: string, path: string | URL, asked: Request): Promise<Answer> {
    const url = typeof path === 'string' ? new URL(`/v2/${name}/${path}`, wire.origin) : path;
    const own = `repository:${name}:${method === 'DELETE' ? 'delete' : 'pull,push'}`;
    const scope = asked.reading === undefined ? own : `${own} repository:${asked.reading}:pull`;
    for (let attempt = 1; ; attempt++) {
      // What a registry's own store gives a URL for needs nothing of ours.
      const authorization = url.host === wire.origin.host ? speaker.header(scope) : undefined;
      const headers = { ...asked.headers, ...(authorization === undefined ? {} : { authorization }) };
      const answer = await send(wire, method, url, { ...asked, headers });
      const { status } = answer;
      if ((status >= 200 && status < 300) || asked.also?.includes(status)) return answer;
      const challenge = answer.headers['www-authenticate'];
      if (status === 401 && challenge !== undefined && attempt <= 2) {
        if (await speaker.challenged(challenge, scope, authorization, asked.signal)) continue;
      }
      throw answerError(wire, asked.what, status, answer.body);
    }
  }

  async function blob(digest: string, signal: AbortSignal): Promise<Buffer> {
    let answer = await request('GET', `blobs/${digest}`, {
      what: 'read an image',
      signal,
      also: [302, 303, 307, 308],
    });
    const { location } = answer.headers;
    if (answer.status >= 300 && location !== undefined) {
      answer = await request('GET', new URL(location, answer.url), { what: 'read an image', signal });
    }
    const actual = digestOf(answer.body);
    if (actual !== digest) throw lied(wire.name, 'a blob', digest, actual);
    return answer.body;
  }

  return {
    wire,
    name,
    request,
    async manifest(reference, signal) {
      const headers = { accept: manifestTypes };
      const answer = await request('GET', `manifests/${reference}`, {
        what: `read ${name}`,
        headers,
        signal,
        also: [404],
      });
      if (answer.status === 404) return undefined;
      const digest = digestOf(answer.body);
      const claimed = reference.startsWith('sha256:')
        ? reference
        : String(answer.headers['docker-content-digest'] ?? digest);
      if (claimed.startsWith('sha256:') && claimed !== digest)
        throw lied(wire.name, `the image ${name}`, claimed, digest);
      const mediaType = String(answer.headers['content-type'] ?? '').split(';')[0]!;
      return { ...(JSON.parse(answer.body.toString('utf8')) as object), digest, mediaType };
    },
    config: async (digest, signal) =>
      JSON.parse((await blob(digest, signal)).toString('utf8')) as ImageConfig,
    async putManifest(tag, bytes, mediaType, signal) {
      const digest = digestOf(bytes);
      const headers = { 'content-type': mediaType };
      const answer = await request('PUT', `manifests/${tag}`, {
        what: `push ${name}`,
        body: bytes,
        headers,
        signal,
      });
      const claimed = answer.headers['docker-content-digest'];
      if (claimed !== undefined && claimed !== digest)
        throw lied(wire.name, `the image ${name}`, String(claimed), digest);
      return digest;
    },
    async tags(signal) {
      const answer = await request('GET', 'tags/list', { what: `list ${name}`, signal, also: [404] });
      if (answer.status === 404) return [];
      return (JSON.parse(answer.body.toString('utf8')) as { tags?: string[] | null }).tags ?? [];
    },
    async deleteManifest(digest, signal) {
      await request('DELETE', `manifests/${digest}`, {
        what: `delete ${name}@${digest}`,
        signal,
        also: [404],
      });
    },
  };
}
