import { imageId } from './base-image.ts';
import { ensureLayers, type ImageEvent, type ImagePort } from './ensure-image.ts';
import { authorityFiles, filesBelow, proxyFiles } from './image-files.ts';
import { defaultBaseImage, tagOf, type Layer, type Recipe } from './recipe.ts';

/** What decides the image of a session's proxy. */
export type ProxyRecipe = Pick<Recipe, 'baseImage' | 'certificates' | 'architecture' | 'foreign'>;

/** Gives the tag of the proxy's image, and builds it when it is missing. Throws as `ensureImage`. */
export async function ensureProxyImage(
  recipe: ProxyRecipe,
  port: ImagePort,
  report: (event: ImageEvent) => void,
  signal: AbortSignal,
): Promise<string> {
  const baseId = await imageId(recipe, port, report, signal);
  return ensureLayers([await proxyLayer(recipe, baseId)], port, report, signal);
}

export async function proxyLayer(recipe: ProxyRecipe, baseId: string): Promise<Layer> {
  const files = [...(await filesBelow(proxyFiles)), ...authorityFiles(recipe.certificates)];
  const from = recipe.baseImage ?? defaultBaseImage;
  return {
    tag: tagOf(baseId, files, {}, 'paude-proxy'),
    what: 'proxy',
    of: "the session's",
    from,
    files,
    args: {},
    ...(recipe.foreign === true && { platform: `linux/${recipe.architecture}` }),
  };
}
