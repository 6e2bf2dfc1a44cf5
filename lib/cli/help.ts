import { flagsOf } from './parse-call.ts';
import { verbs, type VerbEntry } from './verbs.ts';

/** What `git paude` alone shows. */
export function overview(all: boolean): string {
  const shown = verbs.filter((entry) => entry.hidden !== true && (all || entry.common));
  return [
    'Coding agents in sandboxed sessions; each session is a git remote.',
    '',
    'usage: git paude COMMAND [ARGUMENTS]',
    '',
    ...columns(shown.map((entry) => [usage(entry), entry.help])),
    '',
    all
      ? 'git paude COMMAND -h tells more.'
      : 'git paude help shows all commands; git paude COMMAND -h tells more.',
  ].join('\n');
}

/** What `-h` after a verb shows. */
export function helpOf(entry: VerbEntry): string {
  const flags = flagsOf(entry).map(({ name, value, help }) => [
    value === undefined ? `--${name}` : `--${name}=${value}`,
    help,
  ]);
  return [`usage: git paude ${usage(entry)} [FLAGS]`, '', `${entry.help}`, '', ...columns(flags)].join('\n');
}

function usage({ verb, args }: VerbEntry): string {
  return [verb, ...args].join(' ').replace(/<(\w+)>/g, '$1');
}

function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const width = Math.max(...rows.map(([first]) => first!.length));
  return rows.map(([first, second]) => `  ${first!.padEnd(width)}   ${second}`);
}
