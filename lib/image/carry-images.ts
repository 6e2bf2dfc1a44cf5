import { PaudeError } from '../errors.ts';
import type { ImageEvent, ImagePort } from './ensure-image.ts';
import { exportImage } from './export-image.ts';
import type { StreamTags } from './old-images.ts';
import type { LoginPort } from './registry-auth.ts';
import { repository, type Repository } from './registry.ts';
import type { RegistryWire } from './registry-wire.ts';
import { uploadBlob, type BlobFile } from './upload-blob.ts';

/** An image that Podman has. */
export interface LocalImage {
  /** Such as `localhost/paude-session:0123`; the name and the tag are kept in the registry. */
  readonly tag: string;
  /** The digest of its configuration, and with it of everything in it. */
  readonly id: string;
}

/** A registry that images are carried to. */
export interface Shelf {
  readonly wire: RegistryWire;
  readonly login: LoginPort;
  /** What stands before the image's name there: `me/`, `my-namespace/`. */
  readonly path: string;
  /** What the nodes know the registry by. */
  readonly pullHost: string;
  /** Where something else keeps its images, too. */
  readonly tags?: StreamTags;
}

/** Both have layers of the same base, which a registry takes over from one repository to the other. */
const siblings: Readonly<Record<string, string>> = {
  'paude-proxy': 'paude-session',
  'paude-session': 'paude-proxy',
};

/** How many blobs travel at once. */
const atOnce = 3;

/**
 * Brings images to a registry and gives, for each, the reference by digest that nodes pull. Nothing is sent of an
 * image that is there. Throws REGISTRY_…, CERTIFICATE_UNTRUSTED, IMAGE_MISSING, INTERRUPTED.
 */
export async function carry(
  images: readonly LocalImage[],
  shelf: Shelf,
  port: ImagePort,
  report: (event: ImageEvent) => void,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const references: string[] = [];
  // One after the other: writing one out keeps all processors busy.
  for (const image of images) {
    const { name, tag } = nameOf(image.tag);
    const of = (one: string) => repository(shelf.wire, `${shelf.path}${one}`, shelf.login);
    const [target, sibling] = [of(name), siblings[name]];
    const from = sibling === undefined ? undefined : of(sibling);
    const digest =
      (await present(target, tag, image.id, signal)) ??
      (await push(image, tag, { target, from }, port, report, signal));
    references.push(`${shelf.pullHost}/${shelf.path}${name}@${digest}`);
  }
  return references;
}

/**
 * The digest of a tag that holds this very image. Whatever else stands under the tag is not taken for it: a manifest
 * names its configuration by digest, and that names the layers.
 */
async function present(
  target: Repository,
  tag: string,
  id: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const manifest = await target.manifest(tag, signal);
  return manifest?.config?.digest === id ? manifest.digest : undefined;
}

async function push(
  image: LocalImage,
  tag: string,
  { target, from }: { readonly target: Repository; readonly from: Repository | undefined },
  port: ImagePort,
  report: (event: ImageEvent) => void,
  signal: AbortSignal,
): Promise<string> {
  report({ type: 'step', text: `pushing ${target.name} to ${target.wire.name}` });
  await using exported = await exportImage(image.tag, port, signal);
  const progress = counter(report);
  exported.manifest.then(
    ({ bytes }) => progress.total(sizeOf(bytes)),
    () => undefined,
  );
  await inParallel(
    exported.blobs,
    (blob, either) => uploadBlob(target, blob, progress.of(blob), either, from),
    signal,
  );
  const { bytes, mediaType } = await exported.manifest;
  const digest = await target.putManifest(tag, bytes, mediaType, signal);
  // Read back: what the nodes will pull is there, and is what was sent.
  if ((await target.manifest(digest, signal)) === undefined) {
    throw new PaudeError(
      'REGISTRY_LIED',
      `${target.wire.name} took ${target.name}@${digest}, and does not have it`,
      {
        hint: 'use another registry: --openshift-registry=HOST/PATH',
      },
    );
  }
  return digest;
}

/** Works on several at once; the first failure stops the others. */
async function inParallel<T>(
  items: AsyncIterable<T>,
  work: (item: T, signal: AbortSignal) => Promise<unknown>,
  signal: AbortSignal,
): Promise<void> {
  const failing = new AbortController();
  const either = AbortSignal.any([signal, failing.signal]);
  let failure: { readonly error: unknown } | undefined;
  const running = new Set<Promise<unknown>>();
  for await (const item of items) {
    if (failure !== undefined) break;
    const one: Promise<unknown> = work(item, either)
      .catch((error: unknown) => {
        failure ??= { error };
        failing.abort();
      })
      .finally(() => running.delete(one));
    running.add(one);
    if (running.size >= atOnce) await Promise.race(running);
  }
  await Promise.all(running);
  if (failure !== undefined) throw failure.error;
}

/** Adds up the bytes of all blobs. */
function counter(report: (event: ImageEvent) => void) {
  const moved = new Map<string, number>();
  let total: number | undefined;
  return {
    total: (bytes: number) => void (total = bytes),
    of:
      ({ digest }: BlobFile) =>
      (bytes: number) => {
        moved.set(digest, bytes);
        const done = [...moved.values()].reduce((sum, one) => sum + one, 0);
        report({ type: 'progress', done, ...(total !== undefined && { total }), unit: 'B' });
      },
  };
}

function sizeOf(manifest: Buffer): number {
  const { config, layers } = JSON.parse(manifest.toString('utf8')) as {
    config: { size: number };
    layers: { size: number }[];
  };
  return layers.reduce((sum, { size }) => sum + size, config.size);
}

/** Of `localhost/paude-session:0123`, the name and the tag. */
function nameOf(tag: string): { readonly name: string; readonly tag: string } {
  const [, name, version] = /([^/:]+):([^/:]+)$/.exec(tag) ?? [];
  if (name === undefined || version === undefined)
    throw new PaudeError('IMAGE_MISSING', `${tag} is not the name and tag of an image`);
  return { name, tag: version };
}
