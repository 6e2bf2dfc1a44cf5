import { inspect } from 'node:util';
import colours from 'picocolors';
import { isPaudeError, messageOf } from '../errors.ts';
import { printableLines } from '../printable.ts';

/** Where results and talk go: stdout is for results, stderr for talk. */
export interface Output {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Prints a line of result, as it is. */
  print(text: string): void;
  /** Prints a line of talk. What a stranger put into it can't move the cursor. */
  say(text: string): void;
  json(value: unknown): void;
  fail(error: unknown): void;
}

/** `trace` shows where an error arose, and what caused it. */
export function createOutput(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream, trace: boolean): Output {
  const { red, dim } = colours.createColors(stderr.isTTY === true && colours.isColorSupported);
  const print = (text: string) => void stdout.write(`${text}\n`);
  const line = (text: string) => void stderr.write(`${text}\n`);
  return {
    stdout,
    stderr,
    print,
    say: (text) => line(printableLines(text)),
    json: (value) => print(JSON.stringify(value, null, 2)),
    fail: (error) => {
      const message = printableLines(messageOf(error));
      if (!isPaudeError(error)) {
        line(`${red('paude:')} internal error: ${message}`);
        line(dim('hint: with PAUDE_TRACE=1 the same command shows where; please report it with that'));
      } else {
        line(`${red('paude:')} ${message}`);
        if (error.hint !== undefined) line(dim(`hint: ${printableLines(error.hint)}`));
      }
      if (trace) line(printableLines(inspect(error)));
    },
  };
}
