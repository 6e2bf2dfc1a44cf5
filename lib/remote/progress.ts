import type { Writable } from 'node:stream';
import { printableLines } from '../printable.ts';
import type { Report } from '../session/events.ts';
import { quarterly } from '../session/progress-text.ts';
import type { HelperOptions } from './protocol.ts';

/** A step that is over sooner than this is not worth a line. */
const patience = 1000;

export interface Progress extends Disposable {
  readonly report: Report;
}

/**
 * Tells on stderr what happens: `paude: …` lines, since stdout belongs to git. A step is shown once it has taken
 * longer than a second, a notice always.
 */
export function helperProgress(stderr: Writable, options: Readonly<HelperOptions>): Progress {
  let timer: NodeJS.Timeout | undefined;
  const line = (text: string) => void stderr.write(`paude: ${printableLines(text)}\n`);
  const stop = () => {
    clearTimeout(timer);
    timer = undefined;
  };
  const further = quarterly();
  return {
    report(event) {
      const moved = further(event);
      if (event.type === 'notice') line(event.text);
      if (options.verbosity === 0) return;
      if (moved !== undefined) line(moved);
      if (event.type === 'output' && options.verbosity > 1) line(event.line);
      if (event.type === 'step' || event.type === 'done') stop();
      if (event.type === 'step') timer = setTimeout(line, patience, event.text);
    },
    [Symbol.dispose]: stop,
  };
}
