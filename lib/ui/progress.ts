import { stripVTControlCharacters } from 'node:util';
import yoctoSpinner from 'yocto-spinner';
import type { Report } from '../session/events.ts';
import { printableLines } from './printable.ts';

export interface Progress extends Disposable {
  readonly report: Report;
}

/** Shows what an operation reports: a spinner on a terminal, lines elsewhere. `verbose` shows all of a build. */
export function createProgress(stderr: NodeJS.WriteStream, verbose: boolean): Progress {
  const line = (text: string) => void stderr.write(`${plain(text)}\n`);
  if (stderr.isTTY !== true || verbose) {
    return {
      report: (event) => {
        if (event.type === 'output' && verbose) line(event.line);
        else if (event.type === 'step') line(`${event.text} …`);
        else if (event.type === 'notice' || event.type === 'done') line(event.text);
      },
      [Symbol.dispose]() {},
    };
  }
  // Its own answer to Ctrl-C is to end the process, and nothing half-made would be undone.
  const spinner = yoctoSpinner({ stream: stderr, handleSignals: false });
  let step = '';
  return {
    report: (event) => {
      if (event.type === 'step') {
        step = plain(event.text);
        if (spinner.isSpinning) spinner.text = step;
        else spinner.start(step);
      } else if (event.type === 'output') {
        const room = Math.max(20, stderr.columns - step.length - 8);
        spinner.text = `${step}: ${plain(event.line).trim().slice(0, room)}`;
      } else if (event.type === 'notice' || event.type === 'done') {
        spinner.stop();
        line(event.text);
      }
    },
    [Symbol.dispose]: () => void spinner.stop(),
  };
}

/** Programs colour what they say and draw bars; here each is one line. */
function plain(text: string): string {
  return printableLines(stripVTControlCharacters(text).replace(/[\r\t]+/g, ' '));
}
