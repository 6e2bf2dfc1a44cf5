import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import { isPaudeError, PaudeError, type ErrorCode } from '../../lib/errors.ts';
import { sessionName } from '../../lib/names.ts';
import type { Backend, Terminal } from '../../lib/session/backend.ts';
import { connectSession, type ConnectPorts } from '../../lib/session/connect-session.ts';
import type { Part } from '../../lib/session/credentials.ts';
import { directoryBackend, type DirectoryBackend } from '../backends/directory.ts';
import { handMade } from '../credentials/hand-made.ts';
import { noNetwork } from '../harness/no-network.ts';
import { suite } from '../harness/suite.ts';

const test = suite('connect session');
const name = sessionName('x');
const never = new AbortController().signal;
const terminal = {} as Terminal;
const description = { agent: 'claude', agentArgs: [], packages: [], yolo: false, allowNetwork: false };
let root: string;

test.before.each(async () => void (root = await mkdtemp(join(tmpdir(), 'paude-connect-'))));
test.after.each(() => rm(root, { recursive: true, force: true }));

/** A step of a session's terminal: how it ends, or what is done first. */
type End = number | ErrorCode | ((directory: DirectoryBackend) => Promise<ErrorCode>);

/** Connects to a session whose terminal ends as it is told, one end after the other; gives the end and what was said. */
async function connect(ends: End[], signal = new AbortController().signal, more: Partial<ConnectPorts> = {}) {
  const directory = directoryBackend(root);
  await directory.create({ name, image: 'none', description }, () => undefined, signal);
  const said: string[] = [];
  let attached = 0;
  const backend: Backend = {
    ...directory,
    attach: async () => {
      const end = ends[attached++];
      if (typeof end === 'number') return end;
      const code = typeof end === 'function' ? await end(directory) : end!;
      throw new PaudeError(code, `it is ${code}`);
    },
  };
  const ports = {
    ...noNetwork,
    backend,
    ensureImage: async () => 'none',
    credentials: undefined,
    ...more,
  };
  const end = await connectSession(
    ports,
    name,
    terminal,
    (event) => event.type === 'notice' && said.push(event.text),
    signal,
  ).catch((error: unknown) => error);
  await directory.stop(name, never).catch(() => undefined);
  return { end, said, attached };
}

test('a connection that drops is said once, and made again', async () => {
  const { end, said, attached } = await connect([
    'CONNECTION_LOST',
    'BACKEND_UNREACHABLE',
    'CONNECTION_LOST',
    0,
  ]);
  assert.is(end, 0);
  assert.is(attached, 4);
  assert.equal(said, ['it is CONNECTION_LOST; connecting again (Ctrl+C gives up)']);
});

test('a session that is gone ends it, and so does the exit code of the far side', async () => {
  for (const gone of ['SESSION_DIED', 'SESSION_STOPPED', 'FORBIDDEN'] as const) {
    const { end, attached } = await connect([gone, 0]);
    assert.ok(isPaudeError(end, gone), String(end));
    assert.is(attached, 1);
  }
  assert.is((await connect([3, 0])).end, 3);
});

test('a server that was just started may refuse for a while what it allowed before', async () => {
  const { end, attached } = await connect(['CONNECTION_LOST', 'FORBIDDEN', 0]);
  assert.is(end, 0);
  assert.is(attached, 3);
});

const lostAfter = (work: (directory: DirectoryBackend) => Promise<void>) => async (at: DirectoryBackend) => {
  await work(at);
  return 'CONNECTION_LOST' as const;
};

test('what was made again meanwhile gets the credentials, and what goes on being sent, before it is attached to', async () => {
  let text = 'one';
  const credentials = async () => ({
    ...handMade({}, {}),
    parcel: (part: Part) => handMade({ 'home/login': text }, { 'home/config': 'c' }).parcel(part),
  });
  const inHome = () => readFile(join(root, name, 'home/login'), 'utf8').catch(() => undefined);
  const seen: unknown[] = [];
  const again = lostAfter(async (directory) => {
    seen.push(await inHome());
    await directory.kill(name);
    for await (const _ of directory.start(name, never)) void _;
    seen.push(await inHome());
  });
  const renewed = lostAfter(async () => {
    seen.push(await inHome());
    text = 'two';
    for (const end = Date.now() + 20_000; (await inHome()) !== 'two' && Date.now() < end;) await wait(10);
    seen.push(await inHome());
  });
  const pace = { usually: 20, nearItsEnd: 20, near: 0 };
  const { end } = await connect([again, renewed, 0], never, { credentials, pace });
  assert.is(end, 0);
  assert.equal(seen, ['one', undefined, 'one', 'two']);
});

test('credentials that fail to arrive at each new connection end it with what failed', async () => {
  let broken = false;
  const credentials = async () => ({
    ...handMade({}, {}),
    parcel: async (part: Part) => {
      const parcel = await handMade({ 'home/login': 'x' }, { 'home/config': 'c' }).parcel(part);
      return broken ? { ...parcel, digest: '0'.repeat(64) } : parcel;
    },
  });
  const lost = lostAfter(async () => void (broken = true));
  const { end, attached } = await connect([lost, 0], never, { credentials });
  assert.ok(isPaudeError(end, 'SYNC_FAILED'), String(end));
  assert.match(end.message, 'arrived damaged');
  assert.is(attached, 1);
});

test('a session that somebody has stopped meanwhile is not started again', async () => {
  const stopping = lostAfter((directory) => directory.stop(name, never));
  const { end, attached } = await connect([stopping, 0]);
  assert.ok(isPaudeError(end, 'SESSION_STOPPED'), String(end));
  assert.is(attached, 1);
  const removing = lostAfter((directory) => directory.remove(name, never));
  assert.ok(isPaudeError((await connect([removing, 0])).end, 'SESSION_UNKNOWN'));
});

test('where it can’t be looked at, that is a connection that drops, too', async () => {
  let asked = 0;
  const flaky = (directory: DirectoryBackend): Backend => ({
    ...directory,
    get: async (...args) => {
      asked++;
      if (asked === 2 || asked === 3) throw new PaudeError('BACKEND_UNREACHABLE', 'it is away');
      return directory.get(...args);
    },
    attach: async () => {
      if (asked === 1) throw new PaudeError('CONNECTION_LOST', 'it is lost');
      return 0;
    },
  });
  const { end, said } = await connect([], never, { backend: flaky(directoryBackend(root)) });
  assert.is(end, 0);
  assert.is(asked, 4);
  assert.equal(said, ['it is lost; connecting again (Ctrl+C gives up)']);
});

test('an interrupt ends the waiting', async () => {
  const stopping = new AbortController();
  const ends = Array.from({ length: 9 }, () => 'CONNECTION_LOST' as const);
  const ended = connect(ends, stopping.signal);
  setTimeout(() => stopping.abort(), 700);
  const { end, attached } = await ended;
  assert.ok(isPaudeError(end, 'INTERRUPTED'), String(end));
  assert.ok(attached < ends.length);
});

test.run();
