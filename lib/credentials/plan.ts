import type { Part } from '../session/credentials.ts';

/** Something that goes into a session's memory. */
export interface Going {
  readonly part: Part;
  /**
   * Where it lands: `home/…` below the session's home, `environment/NAME`, `keys/NAME`. With a slash at its end it is a
   * whole folder, which can't be read.
   */
  readonly to: string;
  /** Where it comes from, for people. */
  readonly from: string;
  readonly why: string;
  /** Bytes, as far as they are known before it is read. */
  readonly size: number;
  readonly source: Source;
  /** What becomes of its content. Must not throw what is in it. */
  readonly change?: (content: Buffer) => Buffer | Refusal;
}

/** Why something that was to go stays at home. */
export interface Refusal {
  readonly why: string;
  /** What it is can't be known now: the session keeps what it has of it. */
  readonly keepsOld: boolean;
}

export type Source =
  | { readonly type: 'file'; readonly path: string }
  /** A database, which is read as one with its journals. */
  | { readonly type: 'database'; readonly path: string }
  /** To another file of the same folder, relative. */
  | { readonly type: 'link'; readonly target: string }
  | { readonly type: 'content'; readonly content: Buffer }
  /** It can't be read now; what the session has of it stays. */
  | { readonly type: 'unreadable'; readonly why: string };

/** Something of the user's home that stays there. */
export interface Staying {
  readonly from: string;
  readonly why: string;
  readonly size: number;
}

export interface Plan {
  readonly going: readonly Going[];
  readonly staying: readonly Staying[];
}

export function joinPlans(plans: readonly Plan[]): Plan {
  return { going: plans.flatMap(({ going }) => going), staying: plans.flatMap(({ staying }) => staying) };
}
