import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import * as assert from 'uvu/assert';
import { sessionName } from '../../lib/names.ts';
import type { Service } from '../../lib/remote/protocol.ts';
import { transfer, type TransferEnd } from '../../lib/remote/transfer.ts';
import { suite } from '../harness/suite.ts';

const test = suite('transfer');
const name = sessionName('fix-auth');
const signal = new AbortController().signal;
/** What a service says first: one ref, and a flush. */
const advertised = '003cdeadbeef refs/heads/main\n0000';

/** A service that says these things, the second once git has asked for something, and then ends with the code. */
async function ends(service: Service, asked: string, answer: string, code: number): Promise<TransferEnd> {
  const git = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  git.stdout.resume();
  let end: (code: number) => void = () => {};
  const exit = new Promise<number>((resolve) => (end = resolve));
  const tunnel = { stdin, stdout, stderr, exit, letGo: () => {}, [Symbol.asyncDispose]: async () => {} };
  const done = transfer(git, tunnel, { name, service }, signal);
  stdout.write(advertised);
  // git asks when it has been told what there is.
  git.stdout.once('data', () => git.stdin.end(asked));
  stdin.resume().once('end', () => {
    stdout.end(answer);
    stderr.end();
    stdout.once('end', () => end(code));
  });
  return done;
}

const push = 'git-receive-pack';
const fetch = 'git-upload-pack';

test('a push is whole with its report, and one with nothing to do without', async () => {
  assert.equal(await ends(push, 'commands and a pack', '0030\u0001unpack ok0000', 0), { exitCode: 0 });
  assert.equal(await ends(push, '0000', '', 0), { exitCode: 0 });
  // What it does after the report is nobody's business here.
  assert.equal(await ends(push, 'commands and a pack', '0030\u0001unpack ok0000', 137), { exitCode: 0 });
});

test('a push without its report was cut off, however well it seems to have ended', async () => {
  for (const [answer, code, error] of [
    ['', 0, 'CONNECTION_LOST'],
    ['0012\u0002resolving', 0, 'CONNECTION_LOST'],
    ['', 137, 'SESSION_FAILED'],
    ['', 128, 'SESSION_FAILED'],
  ] as const) {
    assert.is((await ends(push, 'commands and a pack', answer, code)).trouble?.code, error, answer);
  }
});

test('a fetch that was cut off or killed is told, and one that git has heard the reason of is not', async () => {
  assert.equal(await ends(fetch, 'wants', '0010\u0001PACK0000', 0), { exitCode: 0 });
  assert.is((await ends(fetch, 'wants', '0010\u0001PA', 0)).trouble?.code, 'CONNECTION_LOST');
  assert.is((await ends(fetch, 'wants', '0010\u0001PA', 137)).trouble?.code, 'SESSION_FAILED');
  assert.equal(await ends(fetch, 'wants', '0020ERR not our ref', 128), { exitCode: 0 });
});

/** A packet of git's (gitprotocol-common(5)). */
function packet(text: string): string {
  return (text.length + 4).toString(16).padStart(4, '0') + text;
}

/**
 * What comes of a service that says these things and never ends: git closes its side after the first, and the second
 * comes byte by byte. `undefined` while it is waited for.
 */
async function stays(service: Service, first: string, asked: string, second: string) {
  const git = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  let isLetGo = false;
  const exit = new Promise<number>(() => {});
  const letGo = () => void (isLetGo = true);
  const tunnel = { stdin, stdout, stderr, exit, letGo, [Symbol.asyncDispose]: async () => {} };
  let heard = '';
  git.stdout.on('data', (chunk: Buffer) => (heard += chunk.toString('latin1')));
  const stopping = new AbortController();
  const done = transfer(git, tunnel, { name, service }, stopping.signal);
  stdin.resume();
  stdout.write(first);
  git.stdin.end(asked);
  // A question of protocol v2 that has no answer yet.
  const isOpen = service === fetch && first.includes('version 2') && asked !== '';
  await (isOpen ? once(git.stdin, 'end') : once(stdin, 'end'));
  const wasOpen = !stdin.readableEnded;
  for (const byte of Buffer.from(second, 'latin1')) stdout.write(Buffer.of(byte));
  while (heard.length < first.length + second.length) await new Promise(setImmediate);
  const late = new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined)));
  const end = await Promise.race([done, late]);
  stopping.abort();
  await done.catch(() => undefined);
  assert.is(wasOpen, isOpen);
  return end === undefined ? undefined : { ...end, isLetGo, heard };
}

test('an upload-pack that has a pack to send hears that git has closed its side when all of it has come', async () => {
  const git = { stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() };
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const exit = new Promise<number>(() => {});
  const tunnel = { stdin, stdout, stderr, exit, letGo: () => {}, [Symbol.asyncDispose]: async () => {} };
  const done = transfer(git, tunnel, { name, service: fetch }, new AbortController().signal);
  for (const stream of [git.stdout, stdin]) stream.resume();
  stdout.write(`${packet('version 2\n')}0000`);
  git.stdin.end(`${packet('command=fetch')}0000`);
  await once(git.stdin, 'end');
  stdout.write(`${packet('packfile\n')}${packet('\u0001PACK')}`);
  await once(git.stdout, 'data');
  assert.is(stdin.writableEnded, false);
  stdout.write('0000');
  assert.equal(await done, { exitCode: 0 });
  assert.is(stdin.writableEnded, true);
});

const refs = `${packet('1234 refs/heads/main\0side-band-64k\n')}0000`;
const report = packet(`\u0001${packet('unpack ok\n')}0000`);

test('the end of a service that has said its last word is not waited for', async () => {
  const said = packet('\u0002a hook says something');
  for (const [service, first, asked, second] of [
    [push, refs, '0000', ''],
    [push, refs, `${packet('commands')}0000PACK`, `${report}${said}0000`],
    [push, refs, `${packet('commands')}0000PACK`, `${packet('\u0002')}${report}0000`],
    [fetch, `${packet('version 2\n')}${packet('ls-refs\n')}0000`, `${packet('command=ls-refs')}0000`, refs],
  ] as const) {
    const end = await stays(service, first, asked, second);
    assert.equal(end, { exitCode: 0, isLetGo: true, heard: first + second });
  }
});

test('but whoever may still have something to say is waited for', async () => {
  const v2 = `${packet('version 2\n')}0000`;
  for (const [service, first, asked, second] of [
    // The report is there, and the hooks after it are not; one that has no sideband for them.
    [push, refs, `${packet('commands')}0000PACK`, report],
    [push, refs, `${packet('commands')}0000PACK`, `${report}${packet('\u0002...')}`],
    [push, refs, `${packet('commands')}0000PACK`, `${packet('unpack ok\n')}0000`],
    [push, refs, '', ''],
    // Two questions, and one answer; none; an answer that was cut off.
    [fetch, v2, `${packet('command=ls-refs')}0000${packet('command=fetch')}0000`, refs],
    [fetch, v2, `${packet('command=ls-refs')}0000`, ''],
    [fetch, v2, `${packet('command=fetch')}0000`, `${packet('packfile\n')}${packet('\u0001PACK0000')}`],
    [fetch, v2, '', ''],
    // Protocol v0 says ACK and NAK, and then the pack.
    [fetch, refs, `${packet('want')}0000`, `${packet('\u0001PACK')}0000`],
    ['git-upload-archive', '', '0000', '0000'],
  ] as const) {
    assert.is(await stays(service, first, asked, second), undefined, `${service} ${second}`);
  }
});

test.run();
