import type { Call, Context } from '../commands/command.ts';
import { exitCodeOf, interrupted, isPaudeError } from '../errors.ts';
import { createOutput, type Output } from '../ui/output.ts';
import { overview } from './help.ts';
import type { VerbEntry } from './verbs.ts';

declare const PAUDE_VERSION: string | undefined;

/** The program git-paude. Ends with the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const { stdout, stderr, env } = process;
  const output = createOutput(stdout, stderr, Boolean(env['PAUDE_TRACE']));
  endWithReaders(output);
  const stopping = new AbortController();
  try {
    return await run(argv, output, stopping);
  } catch (error) {
    // What Ctrl-C broke (it reaches git and Podman, too) is not a fault of its own.
    const shown = stopping.signal.aborted && !isPaudeError(error) ? interrupted() : error;
    output.fail(shown);
    return stopping.signal.aborted ? 130 : exitCodeOf(shown);
  }
}

/** Who reads our results may stop reading, as head does; then there is nobody to work for. */
function endWithReaders({ stdout, stderr, say }: Output): void {
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    say(`paude: the results can't be written: ${error.message}`);
    process.exit(1);
  });
  // The talk may go unheard: the work goes on.
  stderr.on('error', () => undefined);
}

/** Only what a call needs is imported: `git paude -h` reads no table of options. */
async function run(argv: readonly string[], output: Output, stopping: AbortController): Promise<number> {
  const [first] = argv;
  if (first === undefined || first === '-h' || first === '--help') {
    output.print(overview(false));
    return 0;
  }
  if (first === '--version' || first === '-v' || first === 'version') {
    output.print(`git-paude ${typeof PAUDE_VERSION === 'string' ? PAUDE_VERSION : 'from source'}`);
    return 0;
  }
  const { findVerb, flagsOf, groupOf, parseCall } = await import('./parse-call.ts');
  const { helpOf, helpOfGroup } = await import('./help.ts');
  const words = first === 'help' ? [...argv.slice(1), '-h'] : argv;
  if (first === 'help' && argv.length === 1) {
    output.print(overview(true));
    return 0;
  }
  const group = groupOf(words[0]);
  if (group.length > 0 && (words[1] === '-h' || words[1] === '--help')) {
    output.print(helpOfGroup(words[0]!, group));
    return 0;
  }
  const { entry, args } = findVerb(words);
  const call = parseCall(entry, args);
  if (call.flags.get('help') === true) {
    output.print(helpOf(entry, flagsOf(entry)));
    return 0;
  }
  return runVerb(entry, call, output, stopping);
}

/** How long a signal counts as one with the first; milliseconds. */
const sameSignal = 1000;

/**
 * The first one is a wish, to which everything half-made is undone; a later one is an order. A Ctrl-C comes twice:
 * from the terminal, and again from git, which passes it on to the command that it runs (git.c, clean_on_exit).
 */
function heedSignals(stopping: AbortController): void {
  let first: number | undefined;
  const heed = () => {
    first ??= performance.now();
    if (performance.now() - first > sameSignal) process.exit(130);
    stopping.abort();
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, heed);
}

async function runVerb(
  entry: VerbEntry,
  call: Call,
  output: Output,
  stopping: AbortController,
): Promise<number> {
  const [command, { createApp }, { createProgress }] = await Promise.all([
    entry.load(),
    import('../app.ts'),
    import('../ui/progress.ts'),
  ]);
  heedSignals(stopping);
  // A list may ask many clusters, and a login of each would be too much.
  const interactive = process.stdin.isTTY === true && output.stderr.isTTY === true && entry.verb !== 'list';
  using progress = createProgress(output.stderr, call.flags.get('verbose') === true);
  const app = createApp(call.flags, process.env, interactive);
  const context: Context = {
    ...app,
    output: {
      ...output,
      say: (text) => output.say(app.placed(text)),
      fail: (error) => output.fail(app.placedError(error)),
    },
    report: (event) => progress.report('text' in event ? { ...event, text: app.placed(event.text) } : event),
    quiet: () => progress[Symbol.dispose](),
    signal: stopping.signal,
    ask: async (question) => {
      progress[Symbol.dispose]();
      const { askYesNo } = await import('../ui/ask.ts');
      return askYesNo(output, process.stdin, question, stopping.signal);
    },
    term: process.env['TERM'] || 'xterm-256color',
  };
  try {
    const code = await command(context, call);
    if (code === 0) await app.rememberNamed(context.report);
    return code;
  } catch (error) {
    throw app.placedError(error);
  }
}
