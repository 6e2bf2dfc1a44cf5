import yoctoSpinner from 'yocto-spinner';
import type { Report } from '../session/events.ts';

export interface Progress extends Disposable {
  readonly report: Report;
}

/** Shows what an operation reports: a spinner on a terminal, lines elsewhere. `verbose` shows all of a build. */
export function createProgress(stderr: NodeJS.WriteStream, verbose: boolean): Progress {
  const line = (text: string) => void stderr.write(`${text}\n`);
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
  const spinner = yoctoSpinner({ stream: stderr });
  let step = '';
  return {
    report: (event) => {
      if (event.type === 'step') {
        step = event.text;
        if (spinner.isSpinning) spinner.text = step;
        else spinner.start(step);
      } else if (event.type === 'output') {
        spinner.text = `${step}: ${event.line.trim().slice(0, Math.max(20, stderr.columns - step.length - 8))}`;
      } else if (event.type === 'notice' || event.type === 'done') {
        spinner.stop();
        line(event.text);
      }
    },
    [Symbol.dispose]: () => void spinner.stop(),
  };
}
