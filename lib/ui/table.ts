import stringWidth from 'string-width';
import { printable } from '../printable.ts';
import type { Output } from './output.ts';

/** Prints rows in columns: aligned under their head on a terminal, separated by tabs and without head off it. */
export function printTable(
  output: Output,
  head: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const clean = rows.map((row) => row.map(printable));
  const lines = output.stdout.isTTY === true ? aligned([head, ...clean]) : clean.map((row) => row.join('\t'));
  for (const line of lines) output.print(line);
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
