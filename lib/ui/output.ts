import colours from 'picocolors';
import stringWidth from 'string-width';
import { isPaudeError } from '../errors.ts';

/** Where results and talk go: stdout is for results, stderr for talk. */
export interface Output {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Prints a line of result. */
  print(text: string): void;
  /** Prints a line of talk. */
  say(text: string): void;
  /** Rows in columns: aligned on a terminal, separated by tabs off it. */
  table(head: readonly string[], rows: readonly (readonly string[])[]): void;
  json(value: unknown): void;
  fail(error: unknown): void;
}

export function createOutput(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream, trace: boolean): Output {
  const { red, dim } = colours.createColors(stderr.isTTY === true && colours.isColorSupported);
  const print = (text: string) => void stdout.write(`${text}\n`);
  const say = (text: string) => void stderr.write(`${text}\n`);
  return {
    stdout,
    stderr,
    print,
    say,
    table: (head, rows) => {
      const clean = rows.map((row) => row.map(printable));
      const lines = stdout.isTTY ? aligned([head, ...clean]) : clean.map((row) => row.join('\t'));
      for (const line of lines) print(line);
    },
    json: (value) => print(JSON.stringify(value, null, 2)),
    fail: (error) => {
      if (!isPaudeError(error)) {
        say(`${red('paude:')} internal error: ${error instanceof Error ? error.message : String(error)}`);
        say(dim('hint: with PAUDE_TRACE=1 the same command shows where; please report it with that'));
      } else {
        say(`${red('paude:')} ${error.message}`);
        if (error.hint !== undefined) say(dim(`hint: ${error.hint}`));
      }
      if (trace && error instanceof Error) say(String(error.stack));
    },
  };
}

function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => stringWidth(row[column] ?? ''))));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === row.length - 1 ? cell : cell + ' '.repeat(widths[column]! - stringWidth(cell) + 3),
      )
      .join(''),
  );
}

/** Text of a stranger, with what would move the cursor or break a row shown as an escape. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** The time since a moment, as kubectl writes it: 45s, 12m, 3h, 9d. */
export function age(since: Date, now: Date): string {
  const seconds = Math.max(0, Math.floor((now.getTime() - since.getTime()) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 120 * 60) return `${Math.floor(seconds / 60)}m`;
  return seconds < 48 * 3600 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}
