import { isPaudeError } from '../errors.ts';
import type { Shelf } from './carry-images.ts';
import type { ImageEvent } from './ensure-image.ts';
import type { Recipe } from './recipe.ts';
import { repository } from './registry.ts';

/** An image that was published with this package: what it is for, and what it is to be. */
export interface PublishedImage {
  /** Whose it is; also its repository's name below `PAUDE_REGISTRY`. */
  readonly name: PublishedName;
  readonly architecture: string;
  /** Of the manifest there. An image with another digest is a stranger's. */
  readonly digest: string;
  /** Of a session's image: its agent, and the agent's version. */
  readonly agent?: string;
  readonly version?: string;
}

export type PublishedName = 'paude-session' | 'paude-proxy';

/** Recorded when a version of this package is published; images are built where there is none. */
export const published: readonly PublishedImage[] = [];

/** The published image that is just what a recipe asks for; undefined where the recipe has anything of its own. */
export function publishedFor(
  name: PublishedName,
  recipe: Recipe,
  images = published,
): PublishedImage | undefined {
  const { agent, agentVersion, baseImage, certificates, packages, containerfile, architecture } = recipe;
  const fits = images.filter((image) => image.name === name && image.architecture === architecture);
  if (baseImage !== undefined || certificates !== undefined) return undefined;
  if (name === 'paude-proxy') return fits[0];
  if (containerfile !== undefined || packages.length > 0) return undefined;
  const version = agentVersion ?? agent.version;
  return fits.find((image) => image.agent === agent.name && image.version === version);
}

/** The reference of a published image, if its registry has just that; else it is said why it is not used. */
export async function findPublished(
  { name, digest }: PublishedImage,
  { wire, login, path, pullHost }: Shelf,
  report: (event: ImageEvent) => void,
  signal: AbortSignal,
): Promise<string | undefined> {
  const reference = `${pullHost}/${path}${name}@${digest}`;
  const unused = (why: string) =>
    report({ type: 'notice', text: `the published image ${reference} is not used: ${why}` });
  try {
    if ((await repository(wire, `${path}${name}`, login).manifest(digest, signal)) !== undefined)
      return reference;
    unused('it is not there');
  } catch (error) {
    if (!isPaudeError(error) || error.code === 'INTERRUPTED') throw error;
    unused(error.message);
  }
  return undefined;
}
