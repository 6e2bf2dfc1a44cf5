import { clearLine, cursorTo, moveCursor } from 'node:readline';
import { PassThrough } from 'node:stream';

export interface TestStream extends NodeJS.WriteStream {
  readonly text: () => string;
}

/** A stream that keeps what is written to it; it may be a terminal, 80 columns wide. */
export function testStream(isTTY = false): TestStream {
  let text = '';
  const stream = new PassThrough().setEncoding('utf8');
  stream.on('data', (chunk: string) => (text += chunk));
  const terminal = {
    isTTY,
    columns: 80,
    cursorTo: (x: number) => cursorTo(stream, x),
    moveCursor: (x: number, y: number) => moveCursor(stream, x, y),
    clearLine: (direction: -1 | 0 | 1) => clearLine(stream, direction),
  };
  return Object.assign(stream, terminal, { text: () => text }) as unknown as TestStream;
}
