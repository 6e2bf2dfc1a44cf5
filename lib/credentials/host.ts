/** One entry of git's configuration, and the file that it stands in. */
export interface GitEntry {
  readonly key: string;
  /** Undefined for a key without a value, which is true (git-config(1)). */
  readonly value: string | undefined;
  readonly origin: string;
}

/** The user's machine, as far as credentials are concerned. */
export interface Host {
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  readonly platform: NodeJS.Platform;
  /** The user's own configuration of git with what it includes, in git's order. */
  readonly gitConfig: () => Promise<readonly GitEntry[]>;
  /** A secret of the system's keychain, which has one for each account of a service. */
  readonly keychain: (service: string, account: string) => Promise<Secret>;
}

/** What a keychain says of a secret; `refused`: whether it has one is not known now. */
export type Secret =
  | { readonly type: 'secret'; readonly text: string }
  | { readonly type: 'none' }
  | { readonly type: 'refused'; readonly why: string };

/** A path as people write it, with ~ for the home. */
export function shown(host: Host, path: string): string {
  return path.startsWith(`${host.home}/`) ? `~${path.slice(host.home.length)}` : path;
}
