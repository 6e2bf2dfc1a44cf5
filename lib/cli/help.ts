import { verbs, type Flag, type VerbEntry } from './verbs.ts';

/** What `git paude` alone shows. */
export function overview(all: boolean): string {
  const shown = verbs.filter((entry) => entry.hidden !== true && (all || entry.common));
  return [
    'Coding agents in sandboxed sessions; each session is a git remote.',
    '',
    'usage: git paude COMMAND [ARGUMENTS]',
    '',
    ...listOf(shown),
    '',
    all
      ? 'git paude COMMAND -h tells more.'
      : 'git paude help shows all commands; git paude COMMAND -h tells more.',
  ].join('\n');
}

/** What `-h` after the first word of two shows, such as `remote`. */
export function helpOfGroup(word: string, group: readonly VerbEntry[]): string {
  return [
    `usage: git paude ${word} COMMAND [ARGUMENTS]`,
    '',
    ...listOf(group),
    '',
    `git paude ${word} COMMAND -h tells more.`,
  ].join('\n');
}

/** What `-h` after a verb shows. */
export function helpOf(entry: VerbEntry, flags: readonly Flag[]): string {
  const rows = flags.map(({ name, value, help }) => [
    value === undefined ? `--${name}` : `--${name}=${value}`,
    help,
  ]);
  // What follows -- is no flag of ours.
  const [before, ...after] = usage(entry).split(' -- ');
  const line = [`usage: git paude ${before} [FLAGS]`, ...after].join(' -- ');
  return [line, '', `${entry.help}`, '', ...columns(rows)].join('\n');
}

function listOf(entries: readonly VerbEntry[]): readonly string[] {
  return columns(entries.map((entry) => [usage(entry), entry.help]));
}

function usage({ verb, args }: VerbEntry): string {
  return [verb, ...args].join(' ').replace(/<(\w+)>/g, '$1');
}

function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const width = Math.max(...rows.map(([first]) => first!.length));
  return rows.map(([first, second]) => `  ${first!.padEnd(width)}   ${second}`);
}
