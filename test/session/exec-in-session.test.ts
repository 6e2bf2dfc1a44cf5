import { PassThrough, Readable } from 'node:stream';
import * as assert from 'uvu/assert';
import { isPaudeError } from '../../lib/errors.ts';
import { sessionName } from '../../lib/names.ts';
import type { Backend } from '../../lib/session/backend.ts';
import { execInSession } from '../../lib/session/exec-in-session.ts';
import { suite } from '../harness/suite.ts';

const test = suite('exec in session');
const never = new AbortController().signal;

/** Runs a command that says these pieces on its standard error; `ID` stands for what it is run as. */
async function said(...pieces: readonly string[]) {
  const backend = {
    open: async (_: string, [, verb, id = '']: readonly string[]) => {
      const stderr = Readable.from(
        verb === 'run' ? pieces.map((piece) => Buffer.from(piece.replace('ID', id))) : [],
      );
      const [stdin, stdout] = [new PassThrough().resume(), Readable.from([])];
      return {
        stdin,
        stdout,
        stderr,
        exit: Promise.resolve(1),
        [Symbol.asyncDispose]: async () => undefined,
      };
    },
  } as unknown as Backend;
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const text = stderr.toArray();
  const streams = { stdin: Readable.from([]), stdout, stderr };
  const running = execInSession(backend, sessionName('x'), ['true'], streams, never);
  const error = await running.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  stderr.end();
  return [isPaudeError(error, 'NETWORK_UNPROVED'), Buffer.concat(await text).toString()];
}

test('a session that refuses to begin a command is heard, however the word arrives', async () => {
  assert.equal(await said('paude unproved ID\n'), [true, '']);
  assert.equal(await said('pau', 'de unproved ', 'ID', '\n'), [true, '']);
});

test('what a command says is passed on as it is', async () => {
  for (const text of ['', 'p', 'paude unproved another\n', 'oh\npaude unproved x\n', 'paude unproved '])
    for (const pieces of [[text], text.split('')])
      assert.equal(await said(...pieces), [false, text], JSON.stringify(pieces));
});

test.run();
