import * as assert from 'uvu/assert';
import { helperProgress } from '../../lib/remote/progress.ts';
import { suite } from '../harness/suite.ts';
import { testStream } from '../ui/streams.ts';
import { until } from './git-world.ts';

const test = suite('helper progress');

test('a step is shown once it takes long, one that is soon over never; a notice at once, and harmless', async () => {
  const stderr = testStream();
  using progress = helperProgress(stderr, { progress: true, verbosity: 1 });
  progress.report({ type: 'notice', text: 'a\u001b[2J' });
  assert.is(stderr.text(), 'paude: a\\x1b[2J\n');
  progress.report({ type: 'step', text: 'soon over' });
  progress.report({ type: 'step', text: 'starting x' });
  progress.report({ type: 'output', line: 'STEP 1' });
  await until('the step is shown', () => stderr.text().includes('starting x'));
  assert.is(stderr.text(), 'paude: a\\x1b[2J\npaude: starting x\n');
});

test('--quiet shows notices alone, --verbose what a build says', () => {
  for (const [verbosity, said] of [
    [0, 'paude: n\n'],
    [2, 'paude: n\npaude: STEP 1\n'],
  ] as const) {
    const stderr = testStream();
    using progress = helperProgress(stderr, { progress: false, verbosity });
    progress.report({ type: 'notice', text: 'n' });
    progress.report({ type: 'step', text: 's' });
    progress.report({ type: 'output', line: 'STEP 1' });
    assert.is(stderr.text(), said);
  }
});

test.run();
