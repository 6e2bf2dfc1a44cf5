import * as assert from 'uvu/assert';
import { createProgress } from '../../lib/ui/progress.ts';
import { suite } from '../harness/suite.ts';
import { testStream } from './streams.ts';

const test = suite('progress');
const { CI, TERM } = process.env;

// The spinner shows nothing in CI or on a dumb terminal.
test.before(() => {
  delete process.env['CI'];
  process.env['TERM'] = 'xterm';
});
test.after(() => {
  if (CI !== undefined) process.env['CI'] = CI;
  if (TERM === undefined) delete process.env['TERM'];
  else process.env['TERM'] = TERM;
});

test('off a terminal: lines, and what a build says only when it is asked for', () => {
  for (const verbose of [false, true]) {
    const stderr = testStream();
    using progress = createProgress(stderr, verbose);
    progress.report({ type: 'step', text: 'building' });
    progress.report({ type: 'step', text: 'building' });
    progress.report({ type: 'output', line: '\u001b[32mSTEP 1\u001b[0m\r' });
    progress.report({ type: 'notice', text: 'the network is open' });
    progress.report({ type: 'done', text: 'ready' });
    assert.is(stderr.text(), `building …\n${verbose ? 'STEP 1 \n' : ''}the network is open\nready\n`);
  }
});

test('on a terminal: a spinner that leaves Ctrl-C alone, and the cursor as it was', () => {
  const listeners = () => ['SIGINT', 'SIGTERM'].map((name) => process.listenerCount(name));
  const before = listeners();
  const stderr = testStream(true);
  {
    using progress = createProgress(stderr, false);
    progress.report({ type: 'step', text: 'building\u001b[2J' });
    assert.match(stderr.text(), /building/, 'the spinner spins');
    assert.equal(listeners(), before);
    progress.report({ type: 'output', line: '\u001b[31mfetching\u001b[K' });
    progress.report({ type: 'notice', text: 'the network is open' });
  }
  assert.match(stderr.text(), /the network is open\n/);
  assert.not.match(stderr.text(), /\u001b\[2J|\u001b\[31m/);
  const [hidden, shown] = ['\u001b[?25l', '\u001b[?25h'].map((code) => stderr.text().lastIndexOf(code));
  assert.ok(hidden! >= 0 && hidden! < shown!);
});

test.run();
