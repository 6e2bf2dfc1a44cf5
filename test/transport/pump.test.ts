import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { PassThrough, Readable, Writable } from 'node:stream';
import * as assert from 'uvu/assert';
import { frame } from '../../lib/framing.ts';
import { pump } from '../../lib/transport/pump.ts';
import { suite } from '../harness/suite.ts';

const test = suite('pump');

test('every byte arrives, at the speed of a slow reader, with little held in between', async () => {
  const data = randomBytes(2 ** 20);
  let offset = 0;
  let taken = 0;
  let most = 0;
  const source = new Readable({
    read() {
      const chunk = data.subarray(offset, (offset += 10_000));
      this.push(chunk.length === 0 ? null : chunk);
    },
  });
  const hash = createHash('sha256');
  const slow = new Writable({
    write(chunk: Buffer, _encoding, done) {
      most = Math.max(most, Math.min(offset, data.length) - taken);
      taken += chunk.length;
      hash.update(chunk);
      setImmediate(done);
    },
  });
  assert.is(await pump(source, slow, { end: true }), 'drained');
  if (!slow.writableFinished) await once(slow, 'finish');
  assert.is(hash.digest('hex'), createHash('sha256').update(data).digest('hex'));
  assert.ok(most < 300_000, `${most} bytes were held`);
});

test('without `end` the destination stays open, and all of it is out', async () => {
  const out = new PassThrough();
  assert.is(await pump(Readable.from([Buffer.from('abc')]), out, { end: false }), 'drained');
  assert.is(String(out.read()), 'abc');
  assert.ok(out.writable);
});

test('a destination that closes ends the pump, and the source is emptied', async () => {
  const source = Readable.from(Array(100).fill(Buffer.alloc(10_000)), { objectMode: false });
  const closing = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) });
  assert.is(await pump(source, closing, { end: true }), 'refused');
  if (!source.readableEnded) await once(source, 'end');
});

test('a frame says its length and its digest', () => {
  const body = Buffer.from('A=1\0B=2\0');
  const digest = createHash('sha256').update(body).digest('hex');
  assert.equal(frame(body), Buffer.from(`8 ${digest}\nA=1\0B=2\0`));
  assert.ok(frame(Buffer.alloc(0)).toString().startsWith('0 e3b0c442'));
});

test.run();
