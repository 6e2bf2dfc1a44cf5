import type * as v from 'valibot';
import { text } from './schemas.ts';

/** Where an option may be given: the verbs that read it. */
export type Verb = 'create' | 'image' | 'start' | 'connect' | 'push' | 'any';

/** One setting. Its key is its flag and its key in the files; the other names follow from it. */
export interface Option {
  readonly key: string;
  readonly kind: 'text' | 'flag' | 'list' | 'number';
  /** What stands for the value in the help: `NAME`. */
  readonly value?: string;
  readonly schema: v.GenericSchema<unknown, unknown>;
  readonly fallback?: string | boolean | readonly string[];
  readonly help: string;
  /** The verbs that have it as a flag. */
  readonly verbs: readonly Verb[];
  /** Whether a repository's .paude.json may set it without the user's consent. */
  readonly repository: boolean;
  /** The only backend that can honour it. */
  readonly only?: 'kubernetes' | 'podman';
  /** Between the items of a list that is given as text, if it is not the line break. */
  readonly separator?: string | RegExp;
  /** What a repository's .paude.json may never say, whatever the user allowed it. */
  readonly neverFromRepository?: RegExp;
  /** A password may be in it: no message repeats its value. */
  readonly mayBeSecret?: boolean;
  /** Another name of the flag. */
  readonly alias?: string;
}

/** Said when a session is made, and not by a repository. */
export const created = { verbs: ['create'] as const, repository: false };
/** What decides an image is a flag of the verbs that deal with images, too. */
export const imaged = { verbs: ['create', 'image'] as const, repository: false };
/** The same, for clusters alone. */
export const cluster = { ...created, only: 'kubernetes' as const, schema: text, kind: 'text' as const };

/** The names under which an option is known outside of the flags and files. */
export function variableOf(key: string): string {
  return `PAUDE_${key.toUpperCase().replaceAll('-', '_')}`;
}

/** git compares the names of its configuration without regard to case (git-config(1)). */
export function gitKeyOf(key: string): string {
  return `paude.${key.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())}`;
}
