import { PaudeError } from '../errors.ts';

/** The services that git asks a helper to connect to (gitremote-helpers(7), `connect`). */
export type Service = 'git-receive-pack' | 'git-upload-pack' | 'git-upload-archive';

const services: readonly string[] = ['git-receive-pack', 'git-upload-pack', 'git-upload-archive'];

/** One line of what git says to a helper (gitremote-helpers(7), INPUT FORMAT). */
export type Command =
  | { readonly type: 'capabilities' }
  | { readonly type: 'option'; readonly name: string; readonly value: string }
  | { readonly type: 'connect'; readonly service: Service }
  /** The blank line, or the end of the input: git has nothing more to say. */
  | { readonly type: 'end' };

/** Reads one line of git's; undefined is the input's end. Throws USAGE for what we did not offer. */
export function parseCommand(line: string | undefined): Command {
  if (line === undefined || line === '') return { type: 'end' };
  const [word, rest] = cut(line);
  if (word === 'capabilities' && rest === '') return { type: 'capabilities' };
  if (word === 'option') {
    const [name, value] = cut(rest);
    return { type: 'option', name, value };
  }
  if (word === 'connect' && services.includes(rest)) return { type: 'connect', service: rest as Service };
  throw new PaudeError('USAGE', `git asks for ${JSON.stringify(line)}, which this remote does not have`);
}

function cut(text: string): readonly [string, string] {
  const space = text.indexOf(' ');
  return space === -1 ? [text, ''] : [text.slice(0, space), text.slice(space + 1)];
}

/**
 * `connect` and `option`, nothing else: with them git speaks its own protocol end to end, v2 and every feature
 * of it included. `stateless-connect` would hang.
 */
export const capabilities = 'connect\noption\n\n';

/** What git's options ask of us. */
export interface HelperOptions {
  /** Whether progress may be shown; git sets it from its own terminal and --progress. */
  progress: boolean;
  /** 0 with --quiet, 1 by default, more with each --verbose. */
  verbosity: number;
}

/** Takes an option, and gives the answer to it. */
export function applyOption(
  options: HelperOptions,
  { name, value }: Extract<Command, { type: 'option' }>,
): string {
  if (name === 'progress' && (value === 'true' || value === 'false')) {
    options.progress = value === 'true';
    return 'ok\n';
  }
  if (name === 'verbosity' && /^\d{1,3}$/.test(value)) {
    options.verbosity = Number(value);
    return 'ok\n';
  }
  if (name === 'progress' || name === 'verbosity') return `error not a value of ${name}\n`;
  // `servpath` among them (--upload-pack, --receive-pack): the programs in a session are ours to name. git warns.
  return 'unsupported\n';
}
