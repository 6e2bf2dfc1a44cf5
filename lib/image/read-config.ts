import { PaudeError } from '../errors.ts';
import type { Shelf } from './carry-images.ts';
import { repository, type ImageConfig } from './registry.ts';

/**
 * The configuration of an image in a registry. Of an index, the one for the first of these platforms that is there, else
 * any: whoever asks sees which it is for. Throws IMAGE_MISSING.
 */
export async function readConfig(
  { wire, login }: Pick<Shelf, 'wire' | 'login'>,
  name: string,
  version: string,
  platforms: () => Promise<readonly string[]>,
  signal: AbortSignal,
): Promise<ImageConfig> {
  const target = repository(wire, name, login);
  let manifest = await target.manifest(version, signal);
  if (manifest?.manifests !== undefined) {
    const there = new Map(
      manifest.manifests.map(({ platform, digest }) => [`${platform?.os}/${platform?.architecture}`, digest]),
    );
    // What says how an image was built is listed like one (BuildKit, attestation storage).
    there.delete('unknown/unknown');
    const wanted = (await platforms()).find((one) => there.has(one));
    const [digest] = wanted === undefined ? there.values() : [there.get(wanted)];
    manifest = digest === undefined ? undefined : await target.manifest(digest, signal);
  }
  if (manifest?.config === undefined)
    throw new PaudeError('IMAGE_MISSING', `there is no image ${name}:${version} in ${wire.origin.host}`);
  return target.config(manifest.config.digest, signal);
}
