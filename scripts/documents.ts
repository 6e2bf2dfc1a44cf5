// The copies of what the tables of options and verbs say, for people and editors. `npm run docs` writes them; a test
// holds them together.
import { readFileSync } from 'node:fs';
import { verbs } from '../lib/cli/verbs.ts';
import { gitKeyOf, options, variableOf, type Option } from '../lib/config/options.ts';

const all: readonly Option[] = options;
const examples: Readonly<Record<string, unknown>> = {
  backend: 'podman',
  agent: 'claude',
  'agent-version': '2.1.330',
  'agent-args': ['--model', 'opus'],
  image: 'quay.io/me/paude-session:1',
  'base-image': 'docker.io/library/debian:13-slim',
  'ca-file': '/etc/ssl/certs/company.pem',
  packages: ['build-essential', 'postgresql-client'],
  containerfile: '.paude/Containerfile',
  memory: '8Gi',
  cpus: '2',
  pids: 4096,
  yolo: false,
  'allow-network': false,
  allow: ['npm', 'api.example.com', '*.example.org'],
  'upstream-proxy': 'http://proxy.example.com:3128',
  'proxy-image': 'quay.io/me/paude-proxy:1',
  'accept-unenforced': false,
  'auto-start': 'always',
  'memory-request': '512Mi',
  'cpus-request': '100m',
  transport: 'auto',
  'openshift-context': 'my-cluster',
  'openshift-namespace': 'my-namespace',
  'openshift-registry': 'quay.io/me',
  'openshift-tls-verify': true,
  'pull-secret': 'auto',
  platform: 'linux/amd64',
  registry: 'quay.io/bbrowning',
  'pvc-size': '10Gi',
  'storage-class': 'standard',
};

/** Every document, by its path. */
export function documents(): ReadonlyMap<string, string> {
  return new Map([
    ['.paude.example.json', example()],
    ['paude.schema.json', schema()],
    ['man/git-paude.1', manual()],
    [
      'README.md',
      readFileSync('README.md', 'utf8').replace(
        /(<!-- options -->\n)[^]*(<!-- \/options -->)/,
        (_, a, b) => a + table() + b,
      ),
    ],
  ]);
}

function example(): string {
  const lines = all.flatMap((option) => {
    const { key, help, repository } = option;
    return [
      `  // ${help}${repository ? '' : ' (needs git paude trust)'}`,
      `  ${JSON.stringify(key)}: ${JSON.stringify(examples[key])},`,
    ];
  });
  return `// Every key that a repository's .paude.json may have. Comments are allowed; leave out what you don't need.\n{\n${lines.join('\n')}\n}\n`;
}

function schema(): string {
  const types = {
    text: { type: 'string' },
    flag: { type: 'boolean' },
    number: { type: 'integer' },
    list: { type: 'array', items: { type: 'string' } },
  };
  const properties = Object.fromEntries(
    all.map(({ key, kind, help, schema }) => [
      key,
      { ...types[kind], ...choices(schema), description: help },
    ]),
  );
  const whole = {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Settings of git-paude',
    type: 'object',
    additionalProperties: false,
    properties: { $schema: { type: 'string' }, ...properties },
  };
  return `${JSON.stringify(whole, null, 2)}\n`;
}

function choices(schema: object): { readonly enum?: unknown } {
  return 'options' in schema ? { enum: schema.options } : {};
}

function table(): string {
  const rows = all.map(({ key, kind, value, fallback, help, repository, only, alias, verbs: where }) => {
    const name = kind === 'flag' && fallback === true ? `no-${key}` : key;
    const flag =
      where.length === 0
        ? ''
        : [
            `\`--${name}${value === undefined ? '' : `=${value}`}\``,
            ...(alias === undefined ? [] : [`\`--${alias}\``]),
          ].join(', ');
    const notes = [
      help,
      ...(only === undefined ? [] : [only === 'podman' ? 'Podman only' : 'clusters only']),
    ].join('; ');
    const start = fallback === undefined || Array.isArray(fallback) ? '' : `\`${String(fallback)}\``;
    return `| \`${key}\` | ${flag} | \`${variableOf(key)}\` | \`${gitKeyOf(key)}\` | ${start} | ${repository ? 'no' : 'yes'} | ${notes} |`;
  });
  return `| Key | Flag | Environment | git config | Fallback | Needs consent | What it is |\n|---|---|---|---|---|---|---|\n${rows.join('\n')}\n`;
}

function manual(): string {
  const escape = (text: string) =>
    text
      .replace(/\\/g, '\\\\')
      .replace(/-/g, '\\-')
      .replace(/^([.'])/gm, '\\&$1');
  const commands = verbs
    .filter((entry) => entry.hidden !== true)
    .flatMap((entry) => [
      '.TP',
      `.B git paude ${escape([entry.verb, ...entry.args].join(' '))}`,
      escape(entry.help),
      ...entry.flags.flatMap((flag) => ['.br', escape(`--${flag.name}: ${flag.help}`)]),
    ]);
  const settings = all.flatMap(({ key, help }) => [
    '.TP',
    `.B ${escape(key)}`,
    escape(`${help}. Environment: ${variableOf(key)}. git config: ${gitKeyOf(key)}.`),
  ]);
  return [
    '.TH GIT\\-PAUDE 1',
    '.SH NAME',
    'git\\-paude \\- coding agents in sandboxed sessions, each a git remote',
    '.SH SYNOPSIS',
    '.B git paude',
    'COMMAND [ARGUMENTS]',
    '.SH COMMANDS',
    ...commands,
    '.SH SETTINGS',
    'Flags go before environment variables, git\\(aqs configuration, .paude.json at the top of the work tree, and ~/.config/paude/config.json.',
    ...settings,
    '.SH EXIT STATUS',
    '0 done, 1 failed, 2 usage, 130 interrupted.',
    '',
  ].join('\n');
}
