import type { Option } from './options.ts';
import { flag, lines, text } from './schemas.ts';

/** The settings of a session's network; a part of the one table of options. */
export const networkOptions = [
  {
    key: 'allow-network',
    kind: 'flag',
    schema: flag,
    fallback: false,
    help: 'do not filter the network',
    verbs: ['create'],
    repository: false,
  },
  {
    key: 'allow',
    kind: 'list',
    value: 'HOST',
    schema: lines,
    separator: /[\n,]/,
    fallback: [],
    help: 'a host that the session may reach: HOST, HOST:PORT, *.DOMAIN, private:HOST, npm, pypi, …; may be given more than once',
    verbs: ['create'],
    repository: false,
    neverFromRepository: /^\s*private:/,
  },
  {
    key: 'upstream-proxy',
    kind: 'text',
    value: 'URL',
    schema: text,
    help: "the proxy of the user's own network; a password in it is never kept",
    verbs: ['create'],
    repository: false,
    mayBeSecret: true,
  },
  {
    key: 'proxy-image',
    kind: 'text',
    value: 'REF',
    schema: text,
    help: "a ready image of the session's own proxy",
    verbs: ['create'],
    repository: false,
  },
  {
    key: 'accept-unenforced',
    kind: 'flag',
    schema: flag,
    fallback: false,
    help: 'go on where nothing proves that the network is closed',
    verbs: ['create', 'start', 'connect'],
    repository: false,
    neverFromRepository: /^true$/,
  },
] as const satisfies readonly Option[];
