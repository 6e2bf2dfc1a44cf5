import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import * as assert from 'uvu/assert';
import { isPaudeError, type ErrorCode } from '../../lib/errors.ts';
import type { Login, LoginPort } from '../../lib/image/registry-auth.ts';
import { repository } from '../../lib/image/registry.ts';
import { uploadBlob } from '../../lib/image/upload-blob.ts';
import { suite } from '../harness/suite.ts';
import { digestOf, reply, wireRegistry } from './wire-registry.ts';

const test = suite('registry');
const signal = new AbortController().signal;
const registry = wireRegistry(test);
let folder: string;

test.before.each(() => void (folder = mkdtempSync(join(tmpdir(), 'paude-blob-'))));
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

function blob(size: number) {
  const bytes = randomBytes(size);
  const path = join(folder, 'blob');
  writeFileSync(path, bytes);
  return { bytes, file: { digest: digestOf(bytes), path, size } };
}

const at = (login?: LoginPort['login'], patience = 2000) =>
  repository({ name: 'example.com/me', origin: registry.origin, options: {}, patience }, 'me/image', {
    login: login ?? (async () => undefined),
  });

async function fails(work: Promise<unknown>, code: ErrorCode, said: RegExp | string): Promise<void> {
  const error = await work.then(
    () => assert.unreachable(`${code} is thrown`),
    (thrown: unknown) => thrown,
  );
  assert.ok(isPaudeError(error, code), String(error));
  assert.match(String(error), said);
}

test('a registry in the clear is not spoken with, and that is said in a line', async () => {
  const options = {
    name: 'example.com/me',
    origin: new URL(registry.origin.href.replace('http:', 'https:')),
    options: {},
  };
  const there = repository({ ...options, patience: 2000 }, 'me/image', { login: async () => undefined });
  const sent = uploadBlob(there, blob(10).file, () => undefined, signal);
  await fails(
    sent,
    'REGISTRY_UNREACHABLE',
    /example\.com\/me can't be reached: it does not speak TLS there$/,
  );
});

const json = (text: string) => Buffer.from(text);

test('a blob is sent once', async () => {
  const { bytes, file } = blob(2_000_000);
  const seen: number[] = [];
  assert.is(await uploadBlob(at(), file, (done) => seen.push(done), signal), true);
  assert.equal(registry.blobs.get(file.digest), bytes);
  assert.is(seen.at(-1), file.size);
  assert.ok(seen.every((done, index) => index === 0 || done >= seen[index - 1]!));
  assert.is(await uploadBlob(at(), file, () => undefined, signal), false);
  assert.is(registry.requests.filter((line) => line.startsWith('PATCH')).length, 1);
});

test('a layer of another repository is taken over, with the right to read that one; else it is sent', async () => {
  const { file } = blob(1000);
  const other = repository({ name: 'example.com/me', origin: registry.origin, options: {} }, 'me/other', {
    login: async () => undefined,
  });
  const scopes: string[] = [];
  let mounts = true;
  registry.fault = ({ url, method, headers }, response) => {
    const { pathname, searchParams } = new URL(url!, registry.origin);
    if (pathname === '/token') {
      scopes.push(searchParams.getAll('scope').join());
      reply(response, 200, {}, json('{"token":"t"}'));
    } else if (headers.authorization === undefined) {
      const challenge = `Bearer realm="${registry.origin.origin}/token",service="it"`;
      reply(response, 401, { 'www-authenticate': challenge });
    } else if (method === 'HEAD' && pathname.startsWith('/v2/me/other/')) reply(response, 200);
    else if (mounts && searchParams.get('from') === 'me/other') reply(response, 201);
    else return false;
    return true;
  };
  assert.is(await uploadBlob(at(), file, () => undefined, signal, other), false);
  assert.ok(scopes.includes('repository:me/image:pull,push,repository:me/other:pull'), scopes.join(' '));
  assert.is(registry.blobs.size, 0);
  mounts = false;
  assert.is(await uploadBlob(at(), file, () => undefined, signal, other), true);
  assert.ok(registry.blobs.has(file.digest));
});

test('a connection that breaks off three times in a blob: it goes on where it was', async () => {
  const { bytes, file } = blob(8_000_000);
  let breaks = 0;
  let received = 0;
  registry.piece = (request, chunk) => {
    received += chunk.length;
    if (breaks < 3 && received > (breaks + 1) * 1_500_000) {
      breaks++;
      request.socket.destroy();
    }
  };
  await uploadBlob(at(), file, () => undefined, signal);
  assert.is(breaks, 3);
  assert.equal(registry.blobs.get(file.digest), bytes);
  assert.ok(received < file.size + 1_000_000, `${received} bytes were received`);
});

test('a connection that breaks off after the last byte: nothing is sent again', async () => {
  const { bytes, file } = blob(1_000_000);
  let received = 0;
  registry.piece = (request, chunk) => {
    received += chunk.length;
    if (received === file.size) request.socket.destroy();
  };
  assert.is(await uploadBlob(at(), file, () => undefined, signal), true);
  assert.equal(registry.blobs.get(file.digest), bytes);
  assert.is(received, file.size);
});

/** The methods of the requests that carry or end a blob. */
const sendings = () =>
  registry.requests.map((line) => line.split(' ')[0]!).filter((method) => /^(POST|PATCH|PUT)$/.test(method));

test('a blob that broke off and then is rejected begins anew at once, and only once', async () => {
  const { bytes, file } = blob(3_000_000);
  let spoiling = 1;
  registry.piece = (request, chunk) => {
    // What it keeps of a blob that broke off is not what it was sent.
    if (spoiling === 0 || request.headers['content-range'] !== undefined) return;
    spoiling--;
    chunk.fill(0);
    request.socket.destroy();
  };
  assert.is(await uploadBlob(at(), file, () => undefined, signal), true);
  assert.equal(registry.blobs.get(file.digest), bytes);
  assert.equal(sendings(), ['POST', 'PATCH', 'PATCH', 'PUT', 'POST', 'PATCH', 'PUT']);

  registry.blobs.clear();
  registry.requests.length = 0;
  spoiling = 9;
  await fails(
    uploadBlob(at(), file, () => undefined, signal),
    'REGISTRY_REJECTED',
    'example.com/me did not take what was sent and could not finish a layer: it answered 400: DIGEST_INVALID',
  );
  assert.is(sendings().filter((method) => method === 'PUT').length, 2);
});

test('a whole blob that is rejected is not sent again', async () => {
  registry.piece = (_, chunk) => void chunk.fill(0);
  await fails(
    uploadBlob(at(), blob(1000).file, () => undefined, signal),
    'REGISTRY_REJECTED',
    'it answered 400: DIGEST_INVALID',
  );
  assert.equal(sendings(), ['POST', 'PATCH', 'PUT']);
});

test('a registry that is full says so, and is not asked again', async () => {
  registry.fault = (request, response) => {
    if (request.method !== 'PATCH') return false;
    request.resume();
    const detail = '{"DriverName":"filesystem","Enclosed":{"Op":"write","Err":28}}';
    reply(
      response,
      500,
      {},
      json(`{"errors":[{"code":"UNKNOWN","message":"unknown error","detail":${detail}}]}`),
    );
    return true;
  };
  await fails(
    uploadBlob(at(), blob(1000).file, () => undefined, signal),
    'REGISTRY_FULL',
    'example.com/me is full',
  );
  assert.is(registry.requests.filter((line) => line.startsWith('PATCH')).length, 1);
});

test('a registry that is silent is given up; one that is slow is not', async () => {
  const { file } = blob(3_000_000);
  registry.piece = () => new Promise((resolve) => setTimeout(resolve, 10));
  await uploadBlob(at(undefined, 3000), file, () => undefined, signal);
  registry.fault = (request) => request.method === 'HEAD';
  await fails(
    uploadBlob(at(undefined, 50), blob(10).file, () => undefined, signal),
    'REGISTRY_SLOW',
    'does not go on',
  );
});

test('a refusal is told in its words, with the login that would help', async () => {
  registry.fault = (request, response) => {
    if (request.method !== 'POST') return false;
    reply(response, 403, {}, json('{"errors":[{"code":"DENIED","message":"not yours"}]}'));
    return true;
  };
  await fails(
    uploadBlob(at(), blob(10).file, () => undefined, signal),
    'REGISTRY_REFUSED',
    'not yours',
  );
  registry.fault = (_, response) => {
    reply(response, 401, { 'www-authenticate': 'Basic realm="x"' });
    return true;
  };
  await fails(at().manifest('latest', signal), 'REGISTRY_LOGIN', 'there is none');
  const wrong = async () => ({ kind: 'password', username: 'a', password: 'secret-b' }) as const;
  await fails(at(wrong).manifest('latest', signal), 'REGISTRY_LOGIN', /asks for a login/);
});

test('a token that expires in the middle of a blob is replaced, and the blob comes whole', async () => {
  const { bytes, file } = blob(4_000_000);
  let valid = 1;
  let asked = 0;
  registry.fault = (request, response) => {
    if (request.url!.startsWith('/token')) {
      asked++;
      assert.match(request.headers.authorization!, /^Basic /);
      assert.match(request.url!, 'service=it');
      reply(response, 200, {}, json(`{"token":"t${valid}"}`));
      return true;
    }
    if (request.headers.authorization === `Bearer t${valid}`) {
      return false;
    }
    const challenge = `Bearer realm="${registry.origin.origin}/token",service="it",scope="repository:me/image:pull,push"`;
    reply(response, 401, { 'www-authenticate': challenge });
    return true;
  };
  registry.piece = (request) => {
    if (valid === 2) return;
    valid = 2;
    request.socket.destroy();
  };
  const login = async () => ({ kind: 'password', username: 'ada', password: 'pw' }) as const;
  await uploadBlob(at(login), file, () => undefined, signal);
  assert.equal(registry.blobs.get(file.digest), bytes);
  assert.is(asked, 2);
});

test('a login that has expired for good is named, with the command that gives another', async () => {
  registry.fault = (request, response) => {
    const { authorization } = request.headers;
    if (request.method !== 'PATCH' && authorization !== undefined) return false;
    request.resume();
    reply(response, 401, { 'www-authenticate': 'Basic realm="openshift"' });
    return true;
  };
  const port = { login: async () => ({ kind: 'password', username: 'bob', password: 'token' }) as const };
  const wire = { name: "the registry's route", origin: registry.origin, options: {}, logIn: 'oc login' };
  const work = uploadBlob(repository(wire, 'me/image', port), blob(10).file, () => undefined, signal);
  const error = await work.catch((thrown: unknown) => thrown);
  assert.ok(isPaudeError(error, 'REGISTRY_LOGIN'), String(error));
  assert.match(error.message, "the registry's route asks for a login to push a layer");
  assert.is(error.hint, 'oc login');
});

test('a login is asked for anew only when it has been refused, by the registry or by its token service', async () => {
  const { file } = blob(1000);
  const asked: (string | undefined)[] = [];
  const login = async (_: AbortSignal, refused?: Login) => {
    const old = refused?.kind === 'password' ? refused.password : undefined;
    asked.push(old);
    return { kind: 'password', username: 'u', password: old === undefined ? 'stale' : 'fresh' } as const;
  };
  const basic = (password: string) => `Basic ${Buffer.from(`u:${password}`).toString('base64')}`;
  let good = basic('stale');
  registry.fault = ({ headers }, response) => {
    if (headers.authorization === good) return false;
    reply(response, 401, { 'www-authenticate': 'Basic realm="it"' });
    return true;
  };
  await uploadBlob(at(login), file, () => undefined, signal);
  assert.equal(asked.splice(0), [undefined]);
  registry.blobs.clear();
  good = basic('fresh');
  await uploadBlob(at(login), file, () => undefined, signal);
  assert.equal(asked.splice(0), [undefined, 'stale']);
  registry.blobs.clear();
  registry.fault = ({ url, headers }, response) => {
    if (headers.authorization === 'Bearer t') return false;
    if (url!.startsWith('/token')) {
      const isGood = headers.authorization === good;
      reply(response, isGood ? 200 : 401, {}, json(isGood ? '{"token":"t"}' : '{}'));
    } else {
      const challenge = `Bearer realm="${registry.origin.origin}/token"`;
      reply(response, 401, { 'www-authenticate': challenge });
    }
    return true;
  };
  await uploadBlob(at(login), file, () => undefined, signal);
  assert.equal(asked, [undefined, 'stale']);
});

test('a token service that gives no JSON is told of, and nothing of what it gave', async () => {
  registry.fault = ({ url }, response) => {
    const challenge = `Bearer realm="${registry.origin.origin}/token"`;
    if (url!.startsWith('/token')) reply(response, 200, {}, Buffer.from('t-secret'));
    else reply(response, 401, { 'www-authenticate': challenge });
    return true;
  };
  const work = uploadBlob(at(), blob(10).file, () => undefined, signal);
  const error = await work.catch((thrown: unknown) => thrown);
  assert.ok(isPaudeError(error, 'REGISTRY_FAILED'), String(error));
  assert.match(error.message, 'gave no token');
  assert.not.match(inspect(error), 't-secret');
});

test('a lie about a digest is found, of a layer, of a manifest that was sent and of one that is read', async () => {
  const other = digestOf(Buffer.from('other'));
  const lying = (method: string, path: string) => {
    registry.fault = async (request, response) => {
      if (request.method !== method || !request.url!.includes(path)) return false;
      for await (const _ of request);
      reply(response, 201, { 'docker-content-digest': other });
      return true;
    };
  };
  lying('PUT', 'blobs/uploads');
  await fails(
    uploadBlob(at(), blob(10).file, () => undefined, signal),
    'REGISTRY_LIED',
    other,
  );
  lying('PUT', 'manifests');
  await fails(at().putManifest('1', json('{}'), 'application/json', signal), 'REGISTRY_LIED', other);
  registry.fault = () => false;
  registry.manifests.set(other, json('{}'));
  await fails(at().manifest(other, signal), 'REGISTRY_LIED', other);
});

test('a login that is worth more than the registry goes to no other host', async () => {
  registry.fault = (_, response) => {
    reply(response, 401, { 'www-authenticate': 'Bearer realm="https://elsewhere.example.com/token"' });
    return true;
  };
  const port = {
    homebound: true,
    login: async () => ({ kind: 'password', username: 'bob', password: 'token' }) as const,
  };
  const wire = { name: 'the route', origin: registry.origin, options: {} };
  await fails(repository(wire, 'me/image', port).manifest('1', signal), 'REGISTRY_LOGIN', 'was not sent');
});

test('an interrupt ends an upload at once', async () => {
  const stopping = new AbortController();
  registry.fault = (request) => {
    if (request.method === 'PATCH') stopping.abort();
    return request.method === 'PATCH';
  };
  await fails(
    uploadBlob(at(), blob(5_000_000).file, () => undefined, stopping.signal),
    'INTERRUPTED',
    'interrupted',
  );
});

test.run();
