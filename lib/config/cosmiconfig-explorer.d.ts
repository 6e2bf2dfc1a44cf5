// cosmiconfig 9.0.1 strips the types of its inner class from what it publishes; here is what we use of it.
declare module 'cosmiconfig/dist/Explorer.js' {
  import type { Loader } from 'cosmiconfig';

  export class Explorer {
    constructor(options: {
      readonly moduleName: string;
      readonly searchPlaces: readonly string[];
      readonly loaders: Readonly<Record<string, Loader>>;
      readonly transform: (result: unknown) => unknown;
      readonly cache: boolean;
      readonly metaConfigFilePath: null;
      readonly searchStrategy: 'none';
    });
    load(path: string): Promise<{ readonly config?: unknown } | null>;
  }
}
