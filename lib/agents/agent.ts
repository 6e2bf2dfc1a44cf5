/** An agent as data: everything that git-paude needs to know of it. Another agent is one more file like claude.ts. */
export interface Agent {
  readonly name: string;
  /** The program in its npm package. */
  readonly command: string;
  /** The version that is used where none is asked for; the integrities below are of this one. */
  readonly version: string;
  /** The npm package that carries its own binary, for each architecture as Debian names it. */
  readonly packages: Readonly<Record<Architecture, AgentPackage>>;
  /** Added where a conversation of this workspace is there already. */
  readonly continueArgs: readonly string[];
  /** Added where the user asked to skip permission prompts. */
  readonly yoloArgs: readonly string[];
  /** A pattern of the shell, below the home: a file that matches is a conversation. */
  readonly conversations: string;
  /** Folders below the home that must outlive a stop: links to the volume. */
  readonly lasting: readonly string[];
  /** Files below the home that must outlive a stop, and that it only appends to: links as well. */
  readonly lastingFiles: readonly string[];
  /** Files of a new home, which answer the questions that the agent would ask. */
  readonly files: Readonly<Record<string, unknown>>;
  /** Set for the agent's process. */
  readonly environment: Readonly<Record<string, string>>;
  /** What it needs from the user's shell. No secret is among them. */
  readonly fromShell: readonly string[];
  /** The secrets that it may need from the user's shell, and how its process is handed each in the session. */
  readonly secrets: Readonly<Record<string, SecretWay>>;
  /** What of the user's home it reads. */
  readonly configuration: Configuration;
  /** The hosts that it needs, by provider: the first whose variable the user's shell has set counts. */
  readonly hosts: readonly AgentHosts[];
  /** Variables of the user's shell that name another place for its API, as a URL. */
  readonly baseUrls: readonly string[];
  /** Who commits, where nobody else is known. */
  readonly identity: { readonly name: string; readonly email: string };
}

/**
 * A secret lies in a file in the session's memory. The agent's process gets it by an open file whose number stands in
 * the variable `descriptor`; only where its program offers nothing better, in its environment.
 */
export type SecretWay = { readonly descriptor: string } | 'environment';

/** The agent's configuration in a home; paths are relative to its folder, and are at its top only. */
export interface Configuration {
  /** Below the home. */
  readonly folder: string;
  /** The variable that moves the folder on the user's machine. */
  readonly variable: string;
  /** The file beside the folder; in it, where the variable is set. */
  readonly stateFile: string;
  /** The file in the folder that an early version had for that: it is read instead where there is something in it. */
  readonly earlyStateFile: string;
  /** What stays: the path, with / at the end for a folder and * for anything but /, and why. */
  readonly excluded: Readonly<Record<string, string>>;
  readonly marketplaces: Marketplaces;
  /** The files that name paths of the folder, below it: a folder's means every JSON file in it. */
  readonly naming: readonly string[];
  /** Keys of its JSON files, below the home, that can't work in a session: programs and proxies of the user's machine. */
  readonly dropped: Readonly<Record<string, readonly KeyPath[]>>;
  /** Of the files that both sides write, below the home: the keys that the session keeps, and puts over the host's. */
  readonly kept: Readonly<Record<string, readonly KeyPath[]>>;
  readonly login: OwnLogin;
  /** Keys of its JSON files, below the folder, that are a login of their own where they are set. */
  readonly loginKeys: Readonly<Record<string, readonly KeyPath[]>>;
  /** Variables of the shell that make a login needless. */
  readonly loginless: readonly string[];
}

/** Where the agent's plugins come from; paths are relative to its folder. */
export interface Marketplaces {
  /** A JSON object: what is known of each, by name. */
  readonly known: string;
  /** The key there with the folder that it is read from. */
  readonly location: string;
  /** Where they lie, unless the user keeps one elsewhere. */
  readonly folder: string;
  /** In a marketplace: the JSON file that names its plugins and their folders. */
  readonly catalogue: string;
}

export type KeyPath = readonly string[];

/** The agent's own login, of which nothing goes that could be used up. */
export interface OwnLogin {
  /** The files that it may stand in, below the folder. */
  readonly files: readonly string[];
  /** What macOS's keychain calls it; with the variable set, followed by - and a hash of the folder. */
  readonly keychain: string;
  /** The account that has it there, where the user's name is none that can be one. */
  readonly nobody: string;
  /** All that goes of it. */
  readonly keys: readonly KeyPath[];
  readonly token: KeyPath;
  /** What is in a copy of it, whole or cut off, that renews it. */
  readonly renews: RegExp;
  /** When the token expires, in milliseconds since 1970. */
  readonly expires: KeyPath;
  /** The command that mends it. */
  readonly mend: string;
}

export type Architecture = 'amd64' | 'arm64';

export interface AgentHosts {
  /** A variable of the user's shell that is set where these count; without one they always do. */
  readonly when?: string;
  /** Names, or patterns such as `*-aiplatform.googleapis.com`. */
  readonly hosts: readonly string[];
}

export interface AgentPackage {
  readonly name: string;
  /** As npm writes it: `sha512-` and base64. */
  readonly integrity: string;
}
