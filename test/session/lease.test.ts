import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import * as assert from 'uvu/assert';
import { interrupted } from '../../lib/errors.ts';
import { sessionName } from '../../lib/names.ts';
import type { Backend } from '../../lib/session/backend.ts';
import { takeLease } from '../../lib/session/lease.ts';
import { suite } from '../harness/suite.ts';

const test = suite('a lease');
const name = sessionName('x');
const never = new AbortController().signal;

/** Only the signal ends what is asked of it. */
const silence = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const held = setInterval(() => undefined, 1000);
    signal.addEventListener('abort', () => {
      clearInterval(held);
      reject(interrupted());
    });
  });

/** A session whose lease's command ends as `exit` does, and what it hears. */
function world(exit: (signal: AbortSignal, stdin: PassThrough) => Promise<number>) {
  const heard: string[] = [];
  const backend = {
    open: async (_: string, __: unknown, signal: AbortSignal) => {
      const stdin = new PassThrough();
      stdin.on('data', (chunk: Buffer) => heard.push(chunk.toString())).on('end', () => heard.push('end'));
      return {
        stdin,
        stdout: new PassThrough(),
        stderr: new PassThrough(),
        exit: exit(signal, stdin),
        [Symbol.asyncDispose]: async () => void heard.push('disposed'),
      };
    },
  } as unknown as Backend;
  return { backend, heard };
}

test('its end over there is waited for', async () => {
  const { backend, heard } = world(
    (_, stdin) =>
      new Promise((resolve) =>
        stdin.on('end', () =>
          setTimeout(() => {
            heard.push('ended');
            resolve(0);
          }, 50),
        ),
      ),
  );
  const lease = await takeLease(backend, name, 'id', never);
  assert.ok(await lease.giveBack());
  assert.equal(heard, ['x', 'end', 'ended', 'disposed']);
});

test('on a line that says nothing any more it is not waited for', async () => {
  for (const leave of ['giveBack', Symbol.asyncDispose] as const) {
    const { backend, heard } = world(silence);
    const lease = await takeLease(backend, name, 'id', never, 20);
    await lease[leave]();
    assert.equal(heard, [...(leave === 'giveBack' ? ['x'] : []), 'end', 'disposed']);
  }
});

test('one that nobody holds any more over there can’t be given back', async () => {
  for (const exit of [async () => 137, () => Promise.reject(new Error('lost'))]) {
    const lease = await takeLease(world(exit).backend, name, 'id', never);
    assert.not.ok(await lease.giveBack());
  }
  const lease = await takeLease(world(silence).backend, name, 'id', never, 20);
  assert.ok(await lease.giveBack(), 'what is not heard of ends with its input');
});

test('one that is still being taken when the user interrupts is taken, unless nobody answers', async () => {
  const { backend, heard } = world((_, stdin) => once(stdin, 'end').then(() => 0));
  const lease = await takeLease(backend, name, 'id', AbortSignal.abort(), 60_000);
  await lease[Symbol.asyncDispose]();
  assert.equal(heard, ['end', 'disposed']);

  const mute = { open: (_: string, __: unknown, signal: AbortSignal) => silence(signal) };
  const stopping = new AbortController();
  const taking = takeLease(mute as unknown as Backend, name, 'id', stopping.signal, 20);
  stopping.abort();
  const end = await taking.catch((error: { code: string }) => error.code);
  assert.is(end, 'INTERRUPTED');
});

test.run();
