import { createApp } from '../app.ts';
import type { Context } from '../commands/command.ts';
import { exitCodeOf } from '../errors.ts';
import { createOutput, type Output } from '../ui/output.ts';
import { helpOf, overview } from './help.ts';
import { findVerb, parseCall } from './parse-call.ts';

declare const PAUDE_VERSION: string | undefined;

/** The program git-paude. Ends with the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const { stdout, stderr, env } = process;
  const output = createOutput(stdout, stderr, Boolean(env['PAUDE_TRACE']));
  // Who reads our results may stop reading, as head does.
  stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  try {
    return await run(argv, output);
  } catch (error) {
    output.fail(error);
    return exitCodeOf(error);
  }
}

async function run(argv: readonly string[], output: Output): Promise<number> {
  const [first] = argv;
  if (first === undefined || first === '-h' || first === '--help' || first === 'help') {
    if (first === 'help' && argv.length > 1) output.print(helpOf(findVerb(argv.slice(1)).entry));
    else output.print(overview(first === 'help'));
    return 0;
  }
  if (first === '--version' || first === '-v' || first === 'version') {
    output.print(`git-paude ${typeof PAUDE_VERSION === 'string' ? PAUDE_VERSION : 'from source'}`);
    return 0;
  }
  const { entry, args } = findVerb(argv);
  const call = parseCall(entry, args);
  if (call.flags.get('help') === true) {
    output.print(helpOf(entry));
    return 0;
  }
  const command = await entry.load();
  const { createProgress } = await import('../ui/progress.ts');
  using progress = createProgress(output.stderr, call.flags.get('verbose') === true);
  const quiet = () => progress[Symbol.dispose]();
  return await command(contextOf(call.flags, output, progress.report, quiet), call);
}

function contextOf(
  flags: ReadonlyMap<string, unknown>,
  output: Output,
  report: Context['report'],
  quiet: () => void,
): Context {
  const app = createApp(flags);
  const stopping = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    // The first one is a wish, to which everything half-made is undone; the second one is an order.
    process.once(name, () => {
      stopping.abort();
      process.once(name, () => process.exit(130));
    });
  }
  return {
    ...app,
    output,
    report,
    quiet,
    signal: stopping.signal,
    term: process.env['TERM'] || 'xterm-256color',
  };
}
