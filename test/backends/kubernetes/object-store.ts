import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { clusterIn, type Cluster } from '../../../lib/backends/kubernetes/cluster.ts';
import { connectTo, fakeServer } from './exec/fake-api-server.ts';

export interface StoredObject {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly uid?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly creationTimestamp?: string;
  };
  readonly spec?: object;
}

export interface Store extends AsyncDisposable {
  readonly cluster: Cluster;
  /** By the path of each. */
  readonly objects: Map<string, StoredObject>;
  /** The verb and the path of each request, in their order. */
  readonly asked: readonly string[];
  put(collection: string, object: StoredObject): void;
  names(): readonly string[];
}

export interface Rules {
  /** The rights that a user has not: a verb and a resource each, as "list secrets". */
  readonly forbidden?: readonly string[];
  /** Answers a request itself, and gives true then. */
  readonly answer?: (verb: string, path: string, response: ServerResponse, store: Store) => boolean;
  /** Whether a request is done, and its connection breaks before it is answered. */
  readonly lost?: (verb: string, path: string) => boolean;
  /** Whether its connection breaks, and it is done a second later all the same. */
  readonly late?: (verb: string, path: string) => boolean;
}

interface Change {
  readonly op: string;
  readonly path: string;
  readonly value: unknown;
}

/** A JSON patch's (RFC 6902), as far as ours go; undefined where a test of it fails. */
function patched<T extends object>(object: T, changes: readonly Change[]): T | undefined {
  const copy = structuredClone(object);
  for (const { op, path, value } of changes) {
    const steps = path.split('/').slice(1);
    const keys = steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = keys.pop()!;
    const parent = keys.reduce((at: any, key) => at[key], copy);
    if (op !== 'test') parent[last] = value;
    else if ((parent[last] ?? null) !== value) return undefined;
  }
  return copy;
}

/** An API server that keeps objects and knows rights, without anything that acts on them. Each watch is silent. */
export async function objectStore({ forbidden = [], answer, lost, late }: Rules = {}): Promise<Store> {
  const objects = new Map<string, StoredObject>();
  const asked: string[] = [];
  const put = (collection: string, object: StoredObject) => {
    const made = { creationTimestamp: new Date().toISOString(), uid: randomUUID(), ...object.metadata };
    objects.set(`${collection}/${object.metadata.name}`, { ...object, metadata: made });
  };
  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url!, 'http://store');
    const path = url.pathname;
    const [, resource = '', name] = /\/namespaces\/[^/]+\/([^/]+)(?:\/([^/]+))?$/.exec(path) ?? [];
    const many = name === undefined;
    const verb = {
      GET: url.searchParams.has('watch') ? 'watch' : many ? 'list' : 'get',
      POST: 'create',
      PUT: 'update',
      PATCH: 'patch',
      DELETE: many ? 'deletecollection' : 'delete',
    }[request.method!]!;
    const send = (code: number, body: object) =>
      resource !== '' && lost?.(verb, path) === true
        ? void response.destroy()
        : void response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    const fail = (code: number, reason: string, message: string = reason) =>
      send(code, { kind: 'Status', code, reason, message, details: { name: name ?? '' } });
    const sent = ['POST', 'PUT', 'PATCH'].includes(request.method!) ? await json(request) : {};
    const body = sent as StoredObject;
    if (path.endsWith('selfsubjectreviews')) return send(201, { status: { userInfo: { username: 'ada' } } });
    if (path.endsWith('selfsubjectaccessreviews')) {
      const { verb: right, resource: of } = (
        body.spec as { resourceAttributes: { verb: string; resource: string } }
      ).resourceAttributes;
      return send(201, { status: { allowed: !forbidden.includes(`${right} ${of}`) } });
    }
    if (resource === '') return send(200, { metadata: {} });
    asked.push(`${verb} ${path}`);
    if (answer?.(verb, path, response, store) === true) return;
    if (late?.(verb, path) === true) {
      response.destroy();
      await wait(1000);
    }
    if (forbidden.includes(`${verb} ${resource}`))
      return fail(403, 'Forbidden', `User "ada" cannot ${verb} resource "${resource}" in API group ""`);
    const there = objects.get(path);
    const wanted = (url.searchParams.get('labelSelector') ?? '').split(',').map((term) => term.split('='));
    const found = [...objects].filter(
      ([key, { metadata }]) =>
        key.startsWith(`${path}/`) && wanted.every(([label, value]) => metadata.labels?.[label!] === value),
    );
    const list = { metadata: { resourceVersion: '1' }, items: found.map(([, object]) => object) };
    if (verb === 'watch')
      return void response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
    if (verb === 'list') return send(200, list);
    if (verb === 'deletecollection') {
      for (const [key] of found) objects.delete(key);
      return send(200, list);
    }
    if (verb === 'create') {
      const key = `${path}/${body.metadata.name}`;
      if (objects.has(key)) return fail(409, 'AlreadyExists');
      const isService = body.kind === 'Service';
      put(path, isService ? { ...body, spec: { clusterIP: '10.0.0.9', ...body.spec } } : body);
      return send(201, objects.get(key)!);
    }
    if (there === undefined) return fail(404, 'NotFound');
    if (verb === 'delete') objects.delete(path);
    if (verb === 'patch') {
      const changed = patched(there, sent as readonly Change[]);
      if (changed === undefined) return fail(422, 'Invalid', 'the server rejected our request');
      objects.set(path, changed);
    }
    if (verb === 'update') {
      if (body.metadata.uid !== undefined && body.metadata.uid !== there.metadata.uid)
        return fail(409, 'Conflict');
      const { creationTimestamp, uid } = there.metadata;
      objects.set(path, { ...body, metadata: { ...body.metadata, creationTimestamp, uid } as never });
    }
    send(200, objects.get(path) ?? there);
  };
  const fake = await fakeServer({
    answer: (request, response) =>
      void respond(request, response).catch((error: unknown) => response.destroy(error as Error)),
  });
  const store: Store = {
    cluster: clusterIn(await connectTo(fake.port), 'work'),
    objects,
    asked,
    put,
    names: () => [...objects.values()].map(({ kind, metadata }) => `${kind} ${metadata.name}`),
    [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose](),
  };
  return store;
}
