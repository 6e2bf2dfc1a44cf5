import { PassThrough, Readable } from 'node:stream';
import * as assert from 'uvu/assert';
import { takeLine, watchEnd } from '../../lib/transport/take-line.ts';
import { suite } from '../harness/suite.ts';

const test = suite('take-line');

/** Everything that a stream still has. */
async function rest(stream: Readable): Promise<string> {
  const parts: Buffer[] = [];
  for await (const chunk of stream) parts.push(chunk as Buffer);
  return Buffer.concat(parts).toString('latin1');
}

test('every split of the input gives the same lines and leaves the same bytes', async () => {
  const input = Buffer.from('capabilities\n\nconnect gïit\n\u00000000PACK\n\n\xff', 'latin1');
  const lines = input.subarray(0, input.indexOf('\0')).toString('utf8').split('\n').slice(0, -1);
  for (let first = 0; first <= input.length; first++) {
    for (let second = first; second <= input.length; second++) {
      const chunks = [input.subarray(0, first), input.subarray(first, second), input.subarray(second)];
      const stream = Readable.from(
        chunks.filter((chunk) => chunk.length > 0),
        { objectMode: false },
      );
      for (const line of lines) assert.is(await takeLine(stream), line);
      assert.is(await rest(stream), '\u00000000PACK\n\n\xff');
    }
  }
});

test('byte by byte, as slowly as it likes', async () => {
  const stream = new PassThrough();
  const line = takeLine(stream);
  for (const byte of Buffer.from('paude ready 1\nx')) {
    await new Promise(setImmediate);
    stream.write(Buffer.of(byte));
  }
  stream.end();
  assert.is(await line, 'paude ready 1');
  assert.is(await rest(stream), 'x');
});

test('a line that was cut off is none', async () => {
  assert.is(await takeLine(Readable.from([Buffer.from('paude rea')], { objectMode: false })), undefined);
  assert.is(await takeLine(Readable.from([], { objectMode: false })), undefined);
});

test('a line without an end is given up', async () => {
  const endless = Readable.from(Array(3).fill(Buffer.alloc(40_000, 'x')), { objectMode: false });
  await takeLine(endless).then(assert.unreachable, (error) => assert.is(error.code, 'CONNECTION_LOST'));
});

test('an abort ends the waiting', async () => {
  const controller = new AbortController();
  const waiting = takeLine(new PassThrough(), controller.signal);
  controller.abort();
  await waiting.then(assert.unreachable, (error) => assert.is(error.code, 'INTERRUPTED'));
});

test('the end is seen while nobody reads', async () => {
  const stream = new PassThrough();
  await new Promise<void>((resolve) => {
    watchEnd(stream, resolve);
    stream.end();
  });
});

test('bytes that come while the end is watched are kept', async () => {
  const stream = new PassThrough();
  using watch = watchEnd(stream, () => assert.unreachable());
  void watch;
  stream.write('early');
  await new Promise(setImmediate);
  watch[Symbol.dispose]();
  stream.end(' and late');
  assert.is(await rest(stream), 'early and late');
});

test.run();
