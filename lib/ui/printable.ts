/** Text of a stranger, with what would move the cursor or break a row shown as an escape. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** The same for text that may have several lines, such as the end of what a build said. */
export function printableLines(text: string): string {
  return text.replace(/[^\n\t]+/g, printable);
}
