import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { interrupted, isPaudeError, type ErrorCode } from '../errors.ts';
import { lied } from './registry-errors.ts';
import type { Repository } from './registry.ts';

/** A file that is a blob of an image. */
export interface BlobFile {
  readonly digest: string;
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

/** How often in a row a blob may fail without having come further. */
const attempts = 5;
/** Milliseconds. */
const firstPause = 250;
/** Bytes. */
const chunkSize = 256 * 1024;
/** What another try may mend. */
const passing: readonly ErrorCode[] = [
  'REGISTRY_UNREACHABLE',
  'REGISTRY_FAILED',
  'REGISTRY_SLOW',
  'CONNECTION_LOST',
];

/**
 * Uploads a blob, unless it is there. It goes on where it broke off if the registry has kept that much, else from its
 * beginning. `moved` gets how many of its bytes are there. True if it was sent. What is in
 * another repository of the registry, `from`, it takes over from there. What is rejected after it went on is sent once
 * more from its beginning: the registry may have kept it wrongly. (Distribution specification, "Pushing a blob in
 * chunks"; one PATCH with the whole rest is what every registry takes.)
 */
export async function uploadBlob(
  repository: Repository,
  blob: BlobFile,
  moved: (done: number) => void,
  signal: AbortSignal,
  from?: Repository,
): Promise<boolean> {
  if (from !== undefined && (await takenOver(repository, blob, from, signal))) {
    moved(blob.size);
    return false;
  }
  let furthest = 0;
  let location: URL | undefined;
  let [wentOn, anew] = [false, false];
  for (let failures = 0; ;) {
    try {
      if (await hasBlob(repository, blob, signal)) {
        moved(blob.size);
        return furthest > 0;
      }
      const from = location === undefined ? 0 : ((await kept(repository, location, signal)) ?? 0);
      wentOn = from > 0 && from <= blob.size;
      if (location === undefined || !wentOn) location = await begin(repository, signal);
      await sendRest(
        repository,
        blob,
        { location, from: wentOn ? from : 0 },
        (done) => {
          if (done > furthest) failures = 0;
          furthest = Math.max(furthest, done);
          moved(done);
        },
        signal,
      );
      return true;
    } catch (error) {
      if (signal.aborted) throw interrupted();
      if (isPaudeError(error, 'REGISTRY_REJECTED') && wentOn && !anew) {
        [location, wentOn, anew] = [undefined, false, true];
        continue;
      }
      if (!isPaudeError(error) || !passing.includes(error.code) || ++failures >= attempts) throw error;
      await pause(failures, signal);
    }
  }
}

/** (Distribution specification, "Mounting a blob from another repository".) Where that can't be, the blob is sent. */
async function takenOver(
  repository: Repository,
  blob: BlobFile,
  from: Repository,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    if ((await hasBlob(repository, blob, signal)) || !(await hasBlob(from, blob, signal))) return false;
    const query = new URLSearchParams({ mount: blob.digest, from: from.name });
    const request = { what: 'take a layer over', signal, body: Buffer.alloc(0), reading: from.name };
    return (await repository.request('POST', `blobs/uploads/?${query}`, request)).status === 201;
  } catch (error) {
    if (!isPaudeError(error) || signal.aborted) throw error;
    return false;
  }
}

async function pause(failures: number, signal: AbortSignal): Promise<void> {
  await wait(firstPause * 2 ** (failures - 1), undefined, { signal }).catch(() => {
    throw interrupted();
  });
}

export async function hasBlob(
  repository: Repository,
  { digest }: BlobFile,
  signal: AbortSignal,
): Promise<boolean> {
  const request = { what: 'look for a layer', signal, also: [404] };
  const { status, headers } = await repository.request('HEAD', `blobs/${digest}`, request);
  const claimed = headers['docker-content-digest'];
  if (status === 200 && claimed !== undefined && claimed !== digest)
    throw lied(repository.wire.name, 'a layer', String(claimed), digest);
  return status === 200;
}

async function begin(repository: Repository, signal: AbortSignal): Promise<URL> {
  return locationOf(
    await repository.request('POST', 'blobs/uploads/', {
      what: 'push a layer',
      signal,
      body: Buffer.alloc(0),
    }),
  );
}

/** How much of an upload that broke off the registry has; undefined where it has forgotten it. Bytes. */
async function kept(repository: Repository, location: URL, signal: AbortSignal): Promise<number | undefined> {
  const request = { what: 'go on with a layer', signal, also: [400, 404, 416] };
  const { status, headers } = await repository.request('GET', location, request);
  const [, last] = /^(?:bytes=)?0-(\d+)$/.exec(String(headers['range'] ?? '')) ?? [];
  if (status >= 300 || last === undefined) return undefined;
  return Number(last) === 0 ? 0 : Number(last) + 1;
}

async function sendRest(
  repository: Repository,
  blob: BlobFile,
  { location, from }: { readonly location: URL; readonly from: number },
  moved: (done: number) => void,
  signal: AbortSignal,
): Promise<void> {
  let done = from;
  moved(done);
  async function* counted() {
    for await (const chunk of createReadStream(blob.path, { start: from, highWaterMark: chunkSize })) {
      done += (chunk as Buffer).length;
      yield chunk as Buffer;
      moved(done);
    }
  }
  const body = () => Readable.from(counted(), { objectMode: false, highWaterMark: chunkSize });
  const headers = {
    'content-type': 'application/octet-stream',
    'content-length': blob.size - from,
    ...(from > 0 && { 'content-range': `${from}-${blob.size - 1}` }),
  };
  const patch = { what: 'push a layer', body, headers, signal };
  // No range is empty: what is there to its last byte is only ended.
  const whole = from > 0 && from === blob.size;
  const end = whole ? new URL(location) : locationOf(await repository.request('PATCH', location, patch));
  end.searchParams.set('digest', blob.digest);
  const put = { what: 'finish a layer', signal, body: Buffer.alloc(0) };
  const { headers: last } = await repository.request('PUT', end, put);
  const claimed = last['docker-content-digest'];
  if (claimed !== undefined && claimed !== blob.digest)
    throw lied(repository.wire.name, 'a layer', String(claimed), blob.digest);
}

function locationOf({ headers, url }: { headers: { location?: string | undefined }; url: URL }): URL {
  return new URL(headers.location ?? '', url);
}
