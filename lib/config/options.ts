import * as v from 'valibot';
import { amount, flag, lines, packages, text, version, whole } from './schemas.ts';

/** Where an option may be given: the verbs that read it. */
export type Verb = 'create' | 'start' | 'connect' | 'push' | 'any';

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
  readonly only?: 'kubernetes';
  /** Between the items of a list that is given as text, if it is not the line break. */
  readonly separator?: string | RegExp;
  /** Another name of the flag. */
  readonly alias?: string;
}

const created = { verbs: ['create'] as const, repository: false };
const cluster = { ...created, only: 'kubernetes' as const, schema: text, kind: 'text' as const };

/** Every setting that there is: flags, help, schema, README, man page and example follow from this table. */
export const options = [
  {
    key: 'backend',
    kind: 'text',
    value: 'NAME',
    schema: v.picklist(['podman', 'kubernetes', 'openshift'], 'is not podman, kubernetes or openshift'),
    fallback: 'podman',
    help: 'where sessions run: podman, kubernetes or openshift',
    verbs: ['any'],
    repository: false,
  },
  {
    key: 'agent',
    kind: 'text',
    value: 'NAME',
    schema: text,
    fallback: 'claude',
    help: 'the agent of the session',
    verbs: ['create'],
    repository: true,
  },
  {
    key: 'agent-version',
    kind: 'text',
    value: 'VERSION',
    schema: version,
    help: "the agent's version, where it is not the one that git-paude pins",
    ...created,
  },
  {
    key: 'agent-args',
    kind: 'list',
    value: 'ARGUMENT',
    schema: lines,
    fallback: [],
    help: "an argument added to the agent's own; may be given more than once",
    ...created,
  },
  {
    key: 'image',
    kind: 'text',
    value: 'REF',
    schema: text,
    help: 'a ready image, used as it is',
    ...created,
  },
  {
    key: 'base-image',
    kind: 'text',
    value: 'REF',
    schema: text,
    help: "a Debian-like image to build the session's image from",
    ...created,
  },
  {
    key: 'ca-file',
    kind: 'text',
    value: 'PATH',
    schema: text,
    help: 'certificates of further authorities, in PEM, for the image',
    ...created,
  },
  {
    key: 'packages',
    kind: 'list',
    value: 'PACKAGE',
    schema: packages,
    separator: /[\n,]/,
    fallback: [],
    help: 'a Debian package added to the image; may be given more than once',
    ...created,
  },
  {
    key: 'containerfile',
    kind: 'text',
    value: 'PATH',
    schema: text,
    help: 'a Containerfile of the repository, built on top of the image',
    ...created,
  },
  {
    key: 'memory',
    kind: 'text',
    value: 'AMOUNT',
    schema: amount,
    help: "the session's limit of memory, such as 4Gi",
    verbs: ['create'],
    repository: true,
  },
  {
    key: 'cpus',
    kind: 'text',
    value: 'AMOUNT',
    schema: amount,
    help: "the session's limit of CPUs, such as 2 or 1500m",
    verbs: ['create'],
    repository: true,
  },
  {
    key: 'pids',
    kind: 'number',
    value: 'COUNT',
    schema: whole,
    help: 'how many processes and threads may run in the session',
    verbs: ['create'],
    repository: true,
  },
  {
    key: 'yolo',
    kind: 'flag',
    schema: flag,
    fallback: false,
    help: "skip the agent's permission prompts",
    ...created,
  },
  {
    key: 'allow-network',
    kind: 'flag',
    schema: flag,
    fallback: false,
    help: 'do not filter the network',
    ...created,
  },
  {
    key: 'auto-start',
    kind: 'text',
    value: 'WHEN',
    schema: v.picklist(['always', 'push', 'never'], 'is not always, push or never'),
    fallback: 'always',
    help: 'what git commands may start a session: always, push or never',
    verbs: [],
    repository: false,
  },
  {
    key: 'openshift-context',
    alias: 'kubernetes-context',
    value: 'NAME',
    help: 'the context of the kubeconfig',
    ...cluster,
    verbs: ['any'],
  },
  {
    key: 'openshift-namespace',
    alias: 'namespace',
    value: 'NAME',
    help: 'the namespace of the sessions',
    ...cluster,
    verbs: ['any'],
  },
  {
    key: 'openshift-registry',
    alias: 'registry',
    value: 'HOST/PATH',
    help: 'the registry that images are pushed to',
    ...cluster,
  },
  {
    key: 'openshift-tls-verify',
    kind: 'flag',
    schema: flag,
    fallback: true,
    help: 'verify certificates when pushing images',
    ...created,
    only: 'kubernetes',
  },
  { key: 'pvc-size', value: 'AMOUNT', help: "the size of the session's volume", ...cluster, schema: amount },
  { key: 'storage-class', value: 'NAME', help: "the storage class of the session's volume", ...cluster },
] as const satisfies readonly Option[];

export type OptionKey = (typeof options)[number]['key'];

/** The names under which an option is known outside of the flags and files. */
export function variableOf(key: string): string {
  return `PAUDE_${key.toUpperCase().replaceAll('-', '_')}`;
}

/** git compares the names of its configuration without regard to case (git-config(1)). */
export function gitKeyOf(key: string): string {
  return `paude.${key.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())}`;
}

/** The options that a verb has as flags. */
export function flagsFor(verb: string): readonly Option[] {
  const all: readonly Option[] = options;
  return all.filter((option) => option.verbs.includes('any') || option.verbs.includes(verb as Verb));
}
