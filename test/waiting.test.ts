import { setFlagsFromString } from 'node:v8';
import { setTimeout as wait } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';
import * as assert from 'uvu/assert';
import { timeLimit } from '../lib/waiting.ts';
import { suite } from './harness/suite.ts';

const test = suite('waiting');
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
/** Long enough for what is to be collected to be so before it; milliseconds. */
const time = 200;

/** Resolved at the end of a signal that nothing else holds, as a request's is. */
function ending(make: () => AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    const signal = make();
    signal.addEventListener('abort', () => resolve(signal.reason), { once: true });
  });
}

async function collectMeanwhile(): Promise<void> {
  for (let round = 0; round < 5; round++) {
    await wait(10);
    collect();
  }
}

test('a limit ends what it is joined to, whatever is collected meanwhile', async () => {
  const never = new AbortController();
  const ends = [
    ending(() => timeLimit(time)),
    ending(() => timeLimit(time, never.signal)),
    ending(() => timeLimit(time, timeLimit(60_000, never.signal))),
    ending(() => AbortSignal.any([timeLimit(time), never.signal])),
    ending(() => AbortSignal.any([AbortSignal.any([timeLimit(time, never.signal)])])),
  ];
  // A limit keeps no program running.
  const running = setTimeout(() => undefined, 10_000);
  await collectMeanwhile();
  for (const reason of await Promise.all(ends)) assert.is((reason as Error).name, 'TimeoutError');
  clearTimeout(running);
});

test('that it has ended is not forgotten', async () => {
  const signal = timeLimit(1, new AbortController().signal);
  await wait(20);
  await collectMeanwhile();
  assert.ok(signal.aborted);
  assert.throws(() => signal.throwIfAborted(), 'longer than 0.001 s');
});

test('one of the others ends it sooner, with its own reason', () => {
  const other = new AbortController();
  const signal = timeLimit(60_000, other.signal);
  assert.not.ok(signal.aborted);
  other.abort('enough');
  assert.is(signal.reason, 'enough');
});

test.run();
