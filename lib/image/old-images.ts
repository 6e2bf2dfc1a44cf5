import { isPaudeError, PaudeError } from '../errors.ts';
import type { Shelf } from './carry-images.ts';
import type { ImagePort } from './ensure-image.ts';
import type { Repository } from './registry.ts';

/** What our images carry: by it they are found, whatever their names. */
const label = ['app.kubernetes.io/managed-by', 'git-paude'] as const;

/** An image of ours, here or in a registry. */
export interface OwnImage {
  readonly where: string;
  readonly reference: string;
  /** Bytes. */
  readonly size: number;
  readonly created: Date;
  /** Names by which a session may know it. */
  readonly names: readonly string[];
  remove(signal: AbortSignal): Promise<void>;
}

/** Our images that Podman has. */
export async function imagesHere(port: ImagePort, signal: AbortSignal): Promise<readonly OwnImage[]> {
  const args = ['images', '--filter', `label=${label.join('=')}`, '--format', 'json'];
  const { stdout } = await port.run(args, { signal });
  const found = JSON.parse(stdout || '[]') as {
    Id: string;
    Names?: string[];
    Size: number;
    Created: number;
  }[];
  return found.flatMap(({ Id, Names = [], Size, Created }) =>
    // Without a name it is a step of a build that goes with what was built on it.
    Names.length === 0
      ? []
      : {
          where: 'here',
          reference: Names[0]!,
          size: Size,
          created: new Date(Created * 1000),
          names: [...Names, Id],
          remove: async () => {
            const { exitCode, stderr } = await port.run(['rmi', ...Names], { signal });
            if (exitCode !== 0) throw new Error(stderr.trim());
          },
        },
  );
}

/** The tags of a registry whose images something else keeps: OpenShift's image streams. */
export interface StreamTags {
  /** False where there is no such tag. Throws FORBIDDEN. */
  remove(name: string, tag: string, signal: AbortSignal): Promise<boolean>;
  /** The command by which somebody else can do it. */
  byHand(name: string, tag: string): string;
}

/** Our images in a repository of a registry. */
export async function imagesThere(
  repository: Repository,
  { pullHost, tags: streams }: Pick<Shelf, 'pullHost' | 'tags'>,
  signal: AbortSignal,
): Promise<readonly OwnImage[]> {
  const found: OwnImage[] = [];
  for (const tag of await repository.tags(signal)) {
    const manifest = await repository.manifest(tag, signal);
    if (manifest?.config === undefined) continue;
    const config = await repository.config(manifest.config.digest, signal);
    if (config.config?.Labels?.[label[0]] !== label[1]) continue;
    const name = `${pullHost}/${repository.name}`;
    found.push({
      where: repository.wire.name,
      reference: `${name}:${tag}`,
      size: (manifest.layers ?? []).reduce((sum, { size }) => sum + size, 0),
      created: new Date(config.created ?? 0),
      names: [`${name}@${manifest.digest}`, `${name}:${tag}`],
      remove: async (either) => {
        if (await streams?.remove(repository.name, tag, either)) return;
        await repository.deleteManifest(manifest.digest, either).catch((error: unknown) => {
          throw notDeleted(error, `${name}:${tag}`, streams?.byHand(repository.name, tag));
        });
      },
    });
  }
  return found;
}

/** Many registries let nobody delete by their API, or only their administrators. */
function notDeleted(error: unknown, reference: string, byHand: string | undefined): unknown {
  if (!isPaudeError(error, 'REGISTRY_REFUSED') && !isPaudeError(error, 'REGISTRY_LOGIN')) return error;
  return new PaudeError('REGISTRY_REFUSED', error.message, {
    hint: byHand ?? `delete ${reference} on the registry's own pages`,
    cause: error,
  });
}

export interface Pruned {
  readonly removed: readonly OwnImage[];
  readonly kept: readonly { readonly image: OwnImage; readonly why: string }[];
}

/**
 * Removes the images that nothing uses, but the newest of each place and kind; with `really` false, only says which. A
 * failure keeps that one image.
 */
export async function prune(
  images: readonly OwnImage[],
  used: ReadonlySet<string>,
  really: boolean,
  signal: AbortSignal,
): Promise<Pruned> {
  const removed: OwnImage[] = [];
  const kept: { image: OwnImage; why: string }[] = [];
  const newest = new Map<string, OwnImage>();
  for (const image of images) {
    const kind = kindOf(image);
    if (image.created >= (newest.get(kind)?.created ?? image.created)) newest.set(kind, image);
  }
  for (const image of images) {
    if (newest.get(kindOf(image)) === image) {
      kept.push({ image, why: 'it is the newest' });
      continue;
    }
    if (image.names.some((name) => used.has(name))) {
      kept.push({ image, why: 'a session uses it' });
      continue;
    }
    try {
      if (really) await image.remove(signal);
      removed.push(image);
    } catch (error) {
      if (isPaudeError(error, 'INTERRUPTED')) throw error;
      const { message, hint } = error as Error & { hint?: string };
      kept.push({ image, why: hint === undefined ? message : `${message}; ${hint}` });
    }
  }
  return { removed, kept };
}

/** A session takes one of each kind: with its proxy's alone, the next `create` would build for minutes. */
function kindOf({ where, reference }: OwnImage): string {
  return `${/(^|\/)paude-proxy[:@]/.test(reference) ? 'proxy' : 'session'} ${where}`;
}
