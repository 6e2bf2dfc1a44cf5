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
  /** Files of a new home, which answer the questions that the agent would ask. */
  readonly files: Readonly<Record<string, unknown>>;
  /** Set for the agent's process. */
  readonly environment: Readonly<Record<string, string>>;
  /** What it needs from the user's shell. No secret is among them. */
  readonly fromShell: readonly string[];
  /** The secrets that it may need from the user's shell. */
  readonly secrets: readonly string[];
  /** A shell function's body that runs before it, with its environment set. */
  readonly before: string;
  /** Who commits, where nobody else is known. */
  readonly identity: { readonly name: string; readonly email: string };
}

export type Architecture = 'amd64' | 'arm64';

export interface AgentPackage {
  readonly name: string;
  /** As npm writes it: `sha512-` and base64. */
  readonly integrity: string;
}
