import { createInterface } from 'node:readline/promises';
import { interrupted } from '../errors.ts';
import type { Output } from './output.ts';

/**
 * A question with yes or no for an answer; undefined where there is nobody to ask. The end of the input is a no.
 * Throws INTERRUPTED: while a line is read, the terminal gives Ctrl-C as a key, and no signal comes.
 */
export async function askYesNo(
  { stderr }: Pick<Output, 'stderr'>,
  stdin: NodeJS.ReadStream,
  question: string,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  if (stdin.isTTY !== true || stderr.isTTY !== true) return undefined;
  const terminal = createInterface({ input: stdin, output: stderr });
  const broken = new Promise<never>((_, reject) =>
    terminal.once('SIGINT', () => {
      stderr.write('\n');
      reject(interrupted());
    }),
  );
  const ended = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
  try {
    const answer = terminal.question(`${question} [y/N] `, { signal });
    return /^y(es)?$/i.test((await Promise.race([answer, broken, ended])).trim());
  } finally {
    terminal.close();
  }
}
