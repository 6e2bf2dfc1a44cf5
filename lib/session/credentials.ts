import type { PaudeError } from '../errors.ts';

/**
 * What is sent. `login`, what the user's shell says, its logins among it, and `tokens`, what lives shortly in the home,
 * go at every sync; `config` goes when a session has none yet.
 */
export type Part = 'login' | 'tokens' | 'config';

/** One part, ready to be sent: an archive that paude-session unpacks into the session's memory. */
export interface Parcel {
  readonly part: Part;
  /** SHA-256 of the body. */
  readonly digest: string;
  readonly body: Uint8Array;
  /** Sentences on what could not be read. */
  readonly notices: readonly string[];
  /** Something could not be read as of one moment; the session's old copy of it stays. */
  readonly incomplete: boolean;
}

/** What the user's home has for a session. Reads it anew at every call. */
export interface Credentials {
  /** Not all that the user's shell says is known here: what the session has of that stays. */
  readonly outsideShell?: boolean;
  /** Throws CREDENTIALS_TOO_LARGE, naming the largest files. */
  parcel(part: Part): Promise<Parcel>;
  /** When a login that goes ends, where nothing in the session can renew it; undefined where none does. */
  loginEnds(): Promise<Date | undefined>;
  /** Why no login of the user is usable; undefined where one is. */
  missingLogin(): Promise<PaudeError | undefined>;
  /** A session has it now; what a later sync outside of the user's shell has to know is remembered. */
  brought?(): Promise<void>;
}
