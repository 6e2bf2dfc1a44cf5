import { cac } from 'cac';
import { distance } from 'fastest-levenshtein';
import type { Call } from '../commands/command.ts';
import { flagsFor, type Option } from '../config/options.ts';
import { PaudeError } from '../errors.ts';
import { flagWord } from '../printable.ts';
import { verbs, type Flag, type VerbEntry } from './verbs.ts';

/** Keeps cac from turning a value into a number or a truth: `--name 007` stays text. */
const mark = '\u0001';

/** The verb that the first words name. Throws USAGE with the nearest one. */
export function findVerb(argv: readonly string[]): {
  readonly entry: VerbEntry;
  readonly args: readonly string[];
} {
  const two = argv.slice(0, 2).join(' ');
  const entry = verbs.find(({ verb }) => verb === two) ?? verbs.find(({ verb }) => verb === argv[0]);
  if (entry !== undefined) return { entry, args: argv.slice(entry.verb.split(' ').length) };
  const group = groupOf(argv[0]);
  if (group.length > 0 && (argv[1] === undefined || argv[1].startsWith('-'))) {
    throw new PaudeError('USAGE', `${argv[0]} needs one of: ${group.map(({ verb }) => verb).join(', ')}`, {
      hint: `git paude ${argv[0]} -h`,
    });
  }
  const given = group.length > 0 ? two : argv[0]!;
  const nearest = nearestTo(
    given,
    verbs.map(({ verb }) => verb),
  );
  throw new PaudeError('USAGE', `there is no command ${JSON.stringify(given)}`, {
    hint: `git paude ${nearest}`,
  });
}

/** The verbs of two words that begin with this one. */
export function groupOf(word: string | undefined): readonly VerbEntry[] {
  return verbs.filter(({ verb }) => verb.startsWith(`${word} `));
}

/** Reads the arguments of a verb. Throws USAGE for a flag that it does not have. */
export function parseCall(entry: VerbEntry, argv: readonly string[]): Call {
  const end = argv.indexOf('--');
  const words = end < 0 ? argv : argv.slice(0, end);
  const known = new Map(flagsOf(entry).map((flag) => [flag.name, flag]));
  const cli = cac(`git paude ${entry.verb}`);
  const command = cli.command('[...args]', entry.help);
  for (const { name, value, help } of known.values())
    command.option(value === undefined ? switchWord(name) : `--${name} <${value}>`, help);
  const parsed = cli.parse(['node', entry.verb, ...marked(words, known)], { run: false });
  const flags = new Map<string, unknown>();
  for (const name of known.keys()) {
    const value: unknown = parsed.options[camel(name)];
    if (value === undefined) continue;
    flags.set(name, Array.isArray(value) ? value.map(unmarked).join('\n') : unmarked(value));
  }
  const rest = end < 0 ? [] : argv.slice(end + 1);
  const takesRest = entry.args.some((arg) => arg.startsWith('--'));
  // Where no command follows it, -- only says that what comes is no flag.
  const args = [...parsed.args.map((arg) => String(unmarked(arg))), ...(takesRest ? [] : rest)];
  const many = entry.args.some((arg) => arg.includes('…]'));
  const most = many ? Infinity : entry.args.filter((arg) => !arg.startsWith('--')).length;
  if (args.length > most) {
    throw new PaudeError('USAGE', `${entry.verb} does not know what ${JSON.stringify(args[most])} is for`, {
      hint: takesRest
        ? ['git paude', entry.verb, args[0], ...[...flags].map(flagWord), '--', args[most]].join(' ')
        : `git paude ${entry.verb} -h`,
    });
  }
  return { args, flags: canonical(flags), rest: takesRest ? rest : [] };
}

/** The flags of a verb: its switches, the settings, and `--no-…` for the settings that are on by themselves. */
export function flagsOf(entry: VerbEntry): readonly Flag[] {
  const settings = flagsFor(entry.verb).flatMap((option) => settingFlags(option));
  return [
    ...entry.flags,
    ...settings,
    { name: 'verbose', help: 'show everything that a build says' },
    { name: 'help', help: 'show this help' },
  ];
}

function settingFlags({ key, kind, value, fallback, alias, help }: Option): readonly Flag[] {
  if (kind === 'flag') {
    const on = { name: key, help };
    const off = { name: `no-${key}`, help: `do not ${help}` };
    // The one that changes something comes first; the other one takes back what a file or a variable says.
    return fallback === true
      ? [off, { ...on, help: `take back --${off.name}` }]
      : [on, { ...off, help: `take back --${on.name}` }];
  }
  const flag = { name: key, value: value ?? 'VALUE', help };
  return alias === undefined ? [flag] : [flag, { ...flag, name: alias, help: `the same as --${key}` }];
}

/** Other names of a setting become its own; `--no-KEY` becomes KEY without. */
function canonical(flags: ReadonlyMap<string, unknown>): ReadonlyMap<string, unknown> {
  const aliases = new Map(
    flagsFor('create').flatMap((option) => (option.alias === undefined ? [] : [[option.alias, option.key]])),
  );
  return new Map(
    [...flags].map(([name, value]) =>
      name.startsWith('no-') ? [name.slice(3), false] : [aliases.get(name) ?? name, value],
    ),
  );
}

function marked(words: readonly string[], known: ReadonlyMap<string, Flag>): readonly string[] {
  const result: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    if (word === '-h') {
      result.push('--help');
      continue;
    }
    if (!word.startsWith('-') || word === '-') {
      result.push(mark + word);
      continue;
    }
    const [name = '', ...given] = word.replace(/^--?/, '').split('=');
    const flag = word.startsWith('--') ? known.get(name) : undefined;
    if (flag === undefined) throw unknownFlag(word, [...known.keys()]);
    if (flag.value === undefined) {
      if (given.length > 0) throw new PaudeError('USAGE', `--${name} takes no value`, { hint: `--${name}` });
      const opposite = switchWord(name.startsWith('no-') ? name.slice(3) : `no-${name}`);
      // As with git's own, the last one counts.
      result.splice(0, result.length, ...result.filter((earlier) => earlier !== opposite), switchWord(name));
      continue;
    }
    const value = given.length > 0 ? given.join('=') : words[++index];
    if (value === undefined)
      throw new PaudeError('USAGE', `--${name} needs a value`, { hint: `--${name}=${flag.value}` });
    result.push(`--${name}=${mark}${value}`);
  }
  return result;
}

function unknownFlag(word: string, names: readonly string[]): PaudeError {
  const flag = word.split('=')[0]!;
  const elsewhere = verbs.filter((entry) => flagsOf(entry).some(({ name }) => `--${name}` === flag));
  if (elsewhere.length > 0) {
    return new PaudeError('USAGE', `there is no flag ${flag} here`, {
      hint: `it is a flag of: ${elsewhere.map(({ verb }) => `git paude ${verb}`).join(', ')}`,
    });
  }
  return new PaudeError('USAGE', `there is no flag ${flag} here`, {
    hint: `the nearest is --${nearestTo(flag.replace(/^-+/, ''), names)}`,
  });
}

/** Under a name of our own: cac gives --no-… a meaning that is not ours. */
function switchWord(name: string): string {
  return name.startsWith('no-') ? `--${camel(name)}` : `--${name}`;
}

function unmarked(value: unknown): unknown {
  return typeof value === 'string' && value.startsWith(mark) ? value.slice(mark.length) : value;
}

function camel(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

function nearestTo(word: string, candidates: readonly string[]): string {
  return [...candidates].sort((a, b) => distance(a, word) - distance(b, word))[0]!;
}
