import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { isPaudeError } from '../../lib/errors.ts';
import { sessionName } from '../../lib/names.ts';
import type { Backend } from '../../lib/session/backend.ts';
import { execInSession } from '../../lib/session/exec-in-session.ts';
import { suite } from '../harness/suite.ts';

const test = suite('exec in session');
const never = new AbortController().signal;
const sizes = [1, 3, 7, 50, 1000];

interface Said {
  readonly code: number;
  readonly out?: string;
  readonly err?: string;
  /** How much of it comes at once; bytes. */
  readonly size: number;
  /** How many leases can't be had at first. */
  readonly refused?: number;
  /** How many of the leases that are had are dead by the time that they are given back. */
  readonly dead?: number;
  /** Their line was cut; else they were killed. */
  readonly cut?: boolean;
}

/** Runs a command. In what it says `ID` stands for what it is run as, `OVER` for the session's own last word. */
async function ran({ code, out = 'OVER', err = 'OVER', size, refused = 0, dead = 0, cut = false }: Said) {
  let leases = 0;
  let isGivenBack = false;
  const backend = {
    open: async (_: string, [, verb, id = '']: readonly string[]) => {
      if (verb === 'lease' && leases++ < refused) throw new Error('no lease');
      const isDead = verb === 'lease' && leases <= refused + dead;
      const saying = (text: string) => {
        const whole = Buffer.from(text.replace('ID', id).replace('OVER', `\x1e${id} paude over\n`));
        const count = verb === 'run' ? Math.ceil(whole.length / size) : 0;
        return Readable.from(
          Array.from({ length: count }, (_, at) => whole.subarray(at * size, (at + 1) * size)),
        );
      };
      const dying = () => (cut ? Promise.reject(new Error('lost')) : Promise.resolve(137));
      const stdin = new PassThrough();
      const given = once(stdin.resume(), 'end').then(() => 0);
      stdin.on('data', (bytes) => (isGivenBack ||= verb === 'lease' && !isDead && `${bytes}` === 'x'));
      return {
        stdin,
        stdout: saying(out),
        stderr: saying(err),
        exit: verb === 'run' ? Promise.resolve(code) : isDead ? dying() : given,
        [Symbol.asyncDispose]: async () => undefined,
      };
    },
  } as unknown as Backend;
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const texts = [stdout, stderr].map(async (stream) => Buffer.concat(await stream.toArray()).toString());
  const streams = { stdin: Readable.from([]), stdout, stderr };
  const running = execInSession(backend, sessionName('x'), ['true'], streams, never);
  const end = await running.catch((reason: unknown) => reason);
  stdout.end();
  stderr.end();
  return { end, said: await Promise.all(texts), isGivenBack };
}

test('a session that refuses to begin a command is heard, however the word arrives', async () => {
  for (const size of sizes) {
    const { end, said } = await ran({ code: 1, err: '\x1eID paude unproved\nOVER', size });
    assert.ok(isPaudeError(end, 'NETWORK_UNPROVED'), String(end));
    assert.equal(said, ['', '']);
  }
});

test('what a command says is passed on as it is, and nothing of the word that it is over', async () => {
  const texts = [
    '',
    'p',
    'paude unproved another\n',
    'oh\npaude unproved x\n',
    'paude unproved ',
    '\x1e',
    'a\x1eb\x1e',
  ];
  for (const text of [...texts, '\x1ex paude over\n', '\x1ex paude over \x1ex'])
    for (const size of sizes)
      // What it has left running may say more.
      for (const later of ['', 'later']) {
        const all = `${text}OVER${later}`;
        const { end, said } = await ran({ code: 0, out: all, err: all, size });
        assert.equal([end, ...said], [0, `${text}${later}`, `${text}${later}`], JSON.stringify(all));
      }
});

/** What came of a command that says so at its own pace; it may wait until `heard`, what it has said so far, was passed on. */
async function talked(
  talk: (far: PassThrough, over: string, heard: (all: string) => Promise<void>) => Promise<void>,
): Promise<string> {
  const [stdout, far] = [new PassThrough(), new PassThrough()];
  let all = '';
  stdout.on('data', (bytes) => (all += `${bytes}`));
  const heard = async (wanted: string) => {
    while (all !== wanted) await once(stdout, 'data');
  };
  const backend = {
    open: async (_: string, [, verb, id = '']: readonly string[]) => {
      const stdin = new PassThrough().resume();
      const tunnel = { stdin, stderr: Readable.from([]), [Symbol.asyncDispose]: async () => undefined };
      if (verb === 'lease')
        return { ...tunnel, stdout: Readable.from([]), exit: once(stdin, 'end').then(() => 0) };
      const over = `\x1e${id} paude over\n`;
      const exit = talk(far, over, heard).then(() => 0);
      return { ...tunnel, stdout: far, stderr: Readable.from([Buffer.from(over)]), exit };
    },
  } as unknown as Backend;
  const streams = { stdin: Readable.from([]), stdout, stderr: new PassThrough() };
  assert.is(await execInSession(backend, sessionName('x'), ['true'], streams, never), 0);
  return all;
}

test('what may be the beginning of that word is passed on soon where nothing follows: who reads it may have to answer', async () => {
  const all = await talked(async (far, over, heard) => {
    let said = '';
    // Of the word itself, too: cut in the middle and late it is heard all the same.
    for (const text of ['a\x1e', 'b\x1e\x1e', over.slice(0, 5)]) {
      said += text;
      far.write(text);
      await heard(said);
    }
    far.end(over.slice(5));
  });
  assert.match(all, /^a\x1eb\x1e\x1e\x1e[0-9a-f]{4}$/);
});

test('what can be nothing else is held back until the rest of it comes, however late', async () => {
  const all = await talked(async (far, over) => {
    far.write(`all${over.slice(0, 12)}`);
    await setTimeout(300);
    far.end(over.slice(12));
  });
  assert.is(all, 'all');
});

test('of one that ended well not all has come without that word; one that failed says so itself', async () => {
  for (const size of sizes)
    for (const [out, err] of [
      ['cut', 'OVER'],
      ['OVER', 'cut'],
      ['', ''],
      ['\x1ex paude ov', 'OVER'],
    ] as const) {
      const { end, said } = await ran({ code: 0, out, err, size });
      assert.ok(isPaudeError(end, 'CONNECTION_LOST'), String(end));
      assert.equal(
        said,
        [out, err].map((text) => text.replace('OVER', '')),
      );
      assert.is((await ran({ code: 3, out, err, size })).end, 3);
    }
});

test('a lease that could not be had is asked for again when the command is over: that waits for it', async () => {
  for (const refused of [0, 1]) {
    const { end, isGivenBack } = await ran({ code: 0, size: 50, refused });
    assert.equal([end, isGivenBack], [0, true]);
  }
  assert.match(String((await ran({ code: 0, size: 50, refused: 2 })).end), 'no lease');
});

test('nor does it wait for one that has died', async () => {
  const { end, isGivenBack } = await ran({ code: 0, size: 50, dead: 1 });
  assert.equal([end, isGivenBack], [0, true]);
});

test('what was ended because its lease was lost does not just end; what ended by itself does', async () => {
  const { end } = await ran({ code: 143, size: 50, dead: 1, cut: true });
  assert.ok(isPaudeError(end, 'CONNECTION_LOST'), String(end));
  assert.match(end.message, 'the command was ended with it');
  assert.is((await ran({ code: 143, size: 50 })).end, 143);
  assert.is((await ran({ code: 137, size: 50, dead: 1 })).end, 137);
  assert.is((await ran({ code: 3, size: 50, dead: 1, cut: true })).end, 3);
});

test.run();
