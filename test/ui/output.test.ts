import * as assert from 'uvu/assert';
import { PaudeError } from '../../lib/errors.ts';
import { age } from '../../lib/ui/age.ts';
import { createOutput } from '../../lib/ui/output.ts';
import { printTable } from '../../lib/ui/table.ts';
import { suite } from '../harness/suite.ts';
import { testStream } from './streams.ts';

const test = suite('output');

function failure(error: unknown, trace = false): string {
  const stderr = testStream();
  createOutput(testStream(), stderr, trace).fail(error);
  return stderr.text();
}

test('an error is a sentence and a hint; its cause is shown with a trace only', () => {
  const cause = new Error('the pipe broke');
  const error = new PaudeError('BACKEND_FAILED', 'podman failed', { hint: 'podman info', cause });
  assert.is(failure(error), 'paude: podman failed\nhint: podman info\n');
  assert.match(failure(error, true), /the pipe broke/);
});

test('what nobody foresaw is called so, in two lines', () => {
  assert.match(
    failure(new TypeError('x is not a function')),
    /^paude: internal error: .*\nhint: .*report.*\n$/,
  );
  assert.match(failure('text'), /internal error: text\n/);
});

test("what a stranger wrote can't move the cursor; lines stay lines", () => {
  const evil = new PaudeError('NOT_OURS', 'a\u001b[2Jb\rc\u009bd\nnext\tcell', { hint: '\u001b]0;x\u0007' });
  assert.is(failure(evil), 'paude: a\\x1b[2Jb\\x0dc\\x9bd\nnext\tcell\nhint: \\x1b]0;x\\x07\n');
  const stderr = testStream();
  createOutput(testStream(), stderr, false).say('\u001b[31mred');
  assert.is(stderr.text(), '\\x1b[31mred\n');
});

test('a table is aligned by what is seen on a terminal, and tabs and no head off it', () => {
  const rows = [
    ['日本', 'x'],
    ['long-name', 'a\tb\u001b'],
  ];
  const terminal = testStream(true);
  printTable(createOutput(terminal, testStream(), false), ['NAME', 'IS'], rows);
  assert.is(terminal.text(), 'NAME        IS\n日本        x\nlong-name   a\\x09b\\x1b\n');
  const pipe = testStream();
  printTable(createOutput(pipe, testStream(), false), ['NAME', 'IS'], rows);
  assert.is(pipe.text(), '日本\tx\nlong-name\ta\\x09b\\x1b\n');
});

test('ages are written as kubectl writes them', () => {
  const now = new Date('2026-01-31T00:00:00Z');
  const [minute, hour, day] = [60, 3600, 86_400];
  const cases: readonly (readonly [number, string])[] = [
    [-5, '0s'],
    [0, '0s'],
    [119, '119s'],
    [2 * minute, '2m'],
    [5 * minute + 10, '5m10s'],
    [12 * minute + 30, '12m'],
    [2 * hour + 59 * minute, '179m'],
    [3 * hour + 5 * minute, '3h5m'],
    [9 * hour, '9h'],
    [47 * hour, '47h'],
    [2 * day, '2d'],
    [7 * day + 3 * hour, '7d3h'],
    [30 * day, '30d'],
  ];
  for (const [seconds, text] of cases) assert.is(age(new Date(now.getTime() - seconds * 1000), now), text);
});

test.run();
