/** Text of a stranger, with what would move the cursor, break a row or turn the writing around as an escape. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, (mark) => {
    const code = mark.codePointAt(0)!.toString(16);
    return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`;
  });
}

/** The same for text that may have several lines, such as the end of what a build said. */
export function printableLines(text: string): string {
  return text.replace(/[^\n\t]+/g, printable);
}

/** A word of a command to paste: users of a directory have names such as CORP\ada, contexts any at all. */
export function shellWord(text: string): string {
  return /^[\w@%+:,./#-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A flag as it was given, for a command to paste: a switch is true, or false where it was given with `no-`. */
export function flagWord([name, value]: readonly [string, unknown]): string {
  return typeof value === 'boolean'
    ? `--${value ? '' : 'no-'}${name}`
    : `--${name}=${shellWord(String(value))}`;
}
