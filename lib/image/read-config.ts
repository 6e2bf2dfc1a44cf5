import { PaudeError } from '../errors.ts';
import type { Shelf } from './carry-images.ts';
import { repository, type ImageConfig } from './registry.ts';

/** The configuration of an image in a registry; of an index, the one of a platform. Throws IMAGE_MISSING, IMAGE_PLATFORM. */
export async function readConfig(
  { wire, login }: Pick<Shelf, 'wire' | 'login'>,
  name: string,
  version: string,
  platform: string | undefined,
  signal: AbortSignal,
): Promise<ImageConfig> {
  const target = repository(wire, name, login);
  let manifest = await target.manifest(version, signal);
  if (manifest?.manifests !== undefined) {
    const wanted = platform ?? 'linux/amd64';
    const found = manifest.manifests.find(({ platform: is }) => `${is?.os}/${is?.architecture}` === wanted);
    if (found === undefined)
      throw new PaudeError('IMAGE_PLATFORM', `the image ${name} is not there for ${wanted}`, {
        hint: '--platform=OS/ARCH',
      });
    manifest = await target.manifest(found.digest, signal);
  }
  if (manifest?.config === undefined)
    throw new PaudeError('IMAGE_MISSING', `there is no image ${name}:${version} in ${wire.origin.host}`);
  return target.config(manifest.config.digest, signal);
}
