import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import * as assert from 'uvu/assert';
import { readStable } from '../../lib/credentials/read-stable.ts';
import { suite } from '../harness/suite.ts';

const test = suite('read stable');
let folder: string;
test.before.each(() => void (folder = mkdtempSync(join(tmpdir(), 'paude-read-'))));
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a program that changes a file as fast as it can, for as long as the work goes on. */
async function while_<T>(script: string, work: () => Promise<T>): Promise<T> {
  const writer = spawn('python3', ['-c', script, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(writer.stdout, 'data');
  try {
    return await work();
  } finally {
    writer.kill('SIGKILL');
    await once(writer, 'close');
  }
}

test('a file, and whether it can be run', async () => {
  writeFileSync(join(folder, 'a'), 'text', { mode: 0o755 });
  const reading = await readStable(join(folder, 'a'));
  assert.equal(reading, {
    type: 'content',
    files: [{ suffix: '', content: Buffer.from('text'), executable: true }],
  });
});

test('one that grows all the time is given up, and not taken for whole', async () => {
  const script = `
import sys
f = open(sys.argv[1] + '/a', 'wb', buffering=0)
f.write(b'x' * 5000000)
print('writes', flush=True)
while True: f.write(b'x' * 100)
`;
  assert.equal(await while_(script, () => readStable(join(folder, 'a'))), { type: 'busy' });
});

test('one that is replaced all the time is of one moment, if it is read', async () => {
  const script = `
import os, sys
n = 0
while True:
  n += 1
  with open(sys.argv[1] + '/b', 'w') as f: f.write(str(n % 10) * 200000)
  os.rename(sys.argv[1] + '/b', sys.argv[1] + '/a')
  if n == 1: print('writes', flush=True)
`;
  await while_(script, async () => {
    for (let round = 0; round < 30; round++) {
      const reading = await readStable(join(folder, 'a'));
      if (reading.type !== 'content') assert.is(reading.type, 'busy');
      else assert.match(reading.files[0]!.content.toString(), /^(.)\1{199999}$/);
    }
  });
});

test('a database and its journals are of one moment', async () => {
  const file = join(folder, 'x.db');
  const script = `
import sqlite3, sys, time
c = sqlite3.connect(sys.argv[1] + '/x.db')
c.execute('create table t (n)')
c.executemany('insert into t values (?)', [(0,)] * 3000)
c.commit()
print('writes', flush=True)
n = 0
while True:
  n += 1
  c.execute('update t set n = ?', (n,))
  c.commit()
  time.sleep(0.002)
`;
  let read = 0;
  await while_(script, async () => {
    for (let round = 0; round < 40; round++) {
      const reading = await readStable(file, true);
      if (reading.type !== 'content') continue;
      read++;
      const copy = join(folder, `copy-${round}.db`);
      for (const { suffix, content } of reading.files) writeFileSync(copy + suffix, content);
      const ask =
        'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); print(c.execute("pragma integrity_check").fetchone()[0], c.execute("select count(distinct n) from t").fetchone()[0])';
      assert.is(execFileSync('python3', ['-c', ask, copy], { encoding: 'utf8' }), 'ok 1\n');
    }
  });
  assert.ok(read > 0);
});

test('what is gone, became a link or a pipe is told apart, and nothing is waited for', async () => {
  assert.equal(await readStable(join(folder, 'none')), { type: 'gone' });
  symlinkSync('/etc/passwd', join(folder, 'link'));
  assert.equal(await readStable(join(folder, 'link')), { type: 'odd', why: 'it became a link' });
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  assert.is((await readStable(join(folder, 'pipe'))).type, 'odd');
});

test.run();
