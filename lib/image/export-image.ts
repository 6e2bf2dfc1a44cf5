import { createHash } from 'node:crypto';
import { createReadStream, existsSync, watch } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PaudeError } from '../errors.ts';
import type { ImagePort } from './ensure-image.ts';
import type { BlobFile } from './upload-blob.ts';

/** An image on its way out of Podman. */
export interface ExportedImage extends AsyncDisposable {
  /** Its blobs, each as soon as it is whole, while Podman works on the next one. The manifest is not among them. */
  readonly blobs: AsyncIterable<BlobFile>;
  /** Settles after the last blob. */
  readonly manifest: Promise<{ readonly bytes: Buffer; readonly mediaType: string }>;
}

/** Where large files may lie for a while: `/tmp` is in memory in many places (file-hierarchy(7)). */
export function largeFolder(): string {
  return tmpdir() === '/tmp' && existsSync('/var/tmp') ? '/var/tmp' : tmpdir();
}

/** Podman gives no sign when the folder can't be watched; milliseconds. */
const look = 500;

/**
 * Has Podman write an image into a folder of ours, compressed, in the layout of the OCI image specification; from a
 * Podman elsewhere it comes over the wire. That one's client unpacks what comes in place (containers/podman,
 * pkg/domain/infra/tunnel/images.go), so a blob is whole when it has the digest that it is named after.
 * The manifest rejects with IMAGE_MISSING, DISK_FULL, BACKEND_….
 */
export async function exportImage(tag: string, port: ImagePort, signal: AbortSignal): Promise<ExportedImage> {
  const folder = await mkdtemp(join(largeFolder(), 'git-paude-export-'));
  const stopping = new AbortController();
  const either = AbortSignal.any([signal, stopping.signal]);
  const layout = join(folder, 'image');
  // Podman unpacks each layer beside it, and leaves that lying when it is ended (seen with 4.3.1).
  const temporary = join(folder, 'temporary');
  await mkdir(temporary);
  let ended = false;
  const saved = port
    .run(['save', '--format', 'oci-dir', '--output', layout, tag], { signal: either, temporary })
    .finally(() => (ended = true));
  const manifest = saved.then(async ({ exitCode, stderr }) => {
    if (exitCode !== 0) throw saveError(tag, stderr);
    return readManifest(layout);
  });
  // Who waits for it hears of it; who does not is not to be ended by it.
  manifest.catch(() => undefined);

  async function* blobs(): AsyncGenerator<BlobFile> {
    const seen = new Set<string>();
    const changed = changesOf(folder, saved);
    try {
      for (let last = false; !last;) {
        last = ended;
        for (const name of (await readdir(join(layout, 'blobs/sha256')).catch(() => [])).sort()) {
          if (seen.has(name)) continue;
          const path = join(layout, 'blobs/sha256', name);
          if ((await sha256(path)) !== name) {
            if (last) throw damaged(tag);
            continue;
          }
          seen.add(name);
          const blob = { digest: `sha256:${name}`, path, size: (await stat(path)).size };
          if (!(await isManifest(blob))) yield blob;
        }
        if (!last) await changed.next();
      }
    } finally {
      changed.end();
    }
    await manifest;
  }

  return {
    blobs: blobs(),
    manifest,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await saved.catch(() => undefined);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Waits for the next change in a folder; a change meanwhile counts. */
function changesOf(folder: string, ended: Promise<unknown>) {
  let wake = () => {};
  let news = new Promise<void>((resolve) => (wake = resolve));
  const tell = () => wake();
  ended.then(tell, tell);
  // What lies deeper is not reported everywhere; it is looked at now and then.
  const timer = setInterval(tell, look);
  const watcher = watch(folder, tell);
  watcher.on('error', tell);
  return {
    async next() {
      await news;
      news = new Promise<void>((resolve) => (wake = resolve));
    },
    end() {
      clearInterval(timer);
      watcher.close();
    },
  };
}

/** A manifest is a small JSON with layers; a configuration has none, a layer is no JSON. */
async function isManifest({ path, size }: BlobFile): Promise<boolean> {
  if (size > 1024 * 1024) return false;
  const text = await readFile(path, 'utf8');
  if (!text.startsWith('{')) return false;
  try {
    return 'layers' in (JSON.parse(text) as object);
  } catch {
    return false;
  }
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }))
    hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function readManifest(layout: string) {
  const index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')) as {
    manifests: { digest: string; mediaType: string }[];
  };
  const { digest, mediaType } = index.manifests[0]!;
  return { bytes: await readFile(join(layout, 'blobs/sha256', digest.replace(/^sha256:/, ''))), mediaType };
}

function damaged(tag: string): PaudeError {
  return new PaudeError(
    'BACKEND_FAILED',
    `podman wrote ${tag} out damaged: a layer is not what its digest says`,
    { hint: `podman rmi ${tag}, and give the same command again: the image is built anew` },
  );
}

function saveError(tag: string, said: string): PaudeError {
  const text = said.trim().replace(/^Error: /, '');
  if (/no space left/i.test(text)) {
    return new PaudeError('DISK_FULL', `there is no room to write ${tag} out: ${text}`, {
      hint: 'make room, or set TMPDIR to where there is some',
    });
  }
  const missing = /no such image|image not known|does not exist/i.test(text);
  return new PaudeError(
    missing ? 'IMAGE_MISSING' : 'BACKEND_FAILED',
    `podman could not write ${tag} out: ${text}`,
    {
      hint: missing ? 'git paude image build' : 'podman system df',
    },
  );
}
