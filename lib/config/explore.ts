import type { Loader } from 'cosmiconfig';
import { Explorer } from 'cosmiconfig/dist/Explorer.js';

/**
 * Has cosmiconfig load this one file with this one loader. Not by its function cosmiconfig(): whatever its options
 * say, that reads package.json and .config/ of the current folder for options of its own, runs .config/config.js for
 * it, and adds its JavaScript loaders to ours (cosmiconfig 9.0.1, dist/index.js, mergeOptionsBase).
 */
export async function explore(path: string, load: Loader): Promise<unknown> {
  const explorer = new Explorer({
    moduleName: 'paude',
    searchStrategy: 'none',
    searchPlaces: [],
    loaders: { '.json': load, noExt: load },
    metaConfigFilePath: null,
    transform: (result) => result,
    cache: false,
  });
  return (await explorer.load(path))?.config;
}
