import { stripVTControlCharacters } from 'node:util';
import yoctoSpinner from 'yocto-spinner';
import type { Report } from '../session/events.ts';
import { durationText, progressText, quarterly } from '../session/progress-text.ts';
import { printableLines } from '../printable.ts';

export interface Progress extends Disposable {
  readonly report: Report;
}

/** Shows what an operation reports: a spinner on a terminal, lines elsewhere. `verbose` shows all of a build. */
export function createProgress(stderr: NodeJS.WriteStream, verbose: boolean): Progress {
  const line = (text: string) => void stderr.write(`${plain(text)}\n`);
  if (stderr.isTTY !== true || verbose) {
    const further = quarterly();
    let step = '';
    return {
      report: (event) => {
        const moved = further(event);
        if (moved !== undefined) line(`  ${moved}`);
        if (event.type === 'output' && verbose) line(event.line);
        // Said once, however often an operation comes back to it.
        else if (event.type === 'step' && event.text !== step) line(`${(step = event.text)} …`);
        else if (event.type === 'notice' || event.type === 'done') line(event.text);
      },
      [Symbol.dispose]() {},
    };
  }
  return spinning(stderr, line);
}

/** From when on a step shows how long it takes; milliseconds. */
const longStep = 10_000;

function spinning(stderr: NodeJS.WriteStream, line: (text: string) => void): Progress {
  // Its own answer to Ctrl-C is to end the process, and nothing half-made would be undone.
  const spinner = yoctoSpinner({ stream: stderr, handleSignals: false });
  let [step, detail, begun] = ['', '', 0];
  const show = () => {
    const passed = performance.now() - begun;
    const head = passed < longStep ? step : `${step} (${durationText(passed)})`;
    const room = Math.max(20, stderr.columns - head.length - 8);
    spinner.text = detail === '' ? head : `${head}: ${detail.slice(0, room)}`;
  };
  // A step that says nothing is seen to go on all the same.
  const timer = setInterval(() => spinner.isSpinning && show(), 1000).unref();
  return {
    report: (event) => {
      if (event.type === 'step') {
        [step, detail, begun] = [plain(event.text), '', performance.now()];
        if (spinner.isSpinning) show();
        else spinner.start(step);
      } else if (event.type === 'output' || event.type === 'progress') {
        detail = event.type === 'output' ? plain(event.line).trim() : progressText(event);
        show();
      } else {
        spinner.stop();
        line(event.text);
      }
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      spinner.stop();
    },
  };
}

/** Programs colour what they say and draw bars; here each is one line. */
function plain(text: string): string {
  return printableLines(stripVTControlCharacters(text).replace(/[\r\t]+/g, ' '));
}
