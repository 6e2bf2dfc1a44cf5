import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { isPaudeError, PaudeError, type ErrorCode } from '../../lib/errors.ts';
import { sessionName } from '../../lib/names.ts';
import type { Backend, Terminal } from '../../lib/session/backend.ts';
import { connectSession } from '../../lib/session/connect-session.ts';
import { directoryBackend } from '../backends/directory.ts';
import { noNetwork } from '../harness/no-network.ts';
import { suite } from '../harness/suite.ts';

const test = suite('connect session');
const name = sessionName('x');
const terminal = {} as Terminal;
const description = { agent: 'claude', agentArgs: [], packages: [], yolo: false, allowNetwork: false };
let root: string;

test.before.each(async () => void (root = await mkdtemp(join(tmpdir(), 'paude-connect-'))));
test.after.each(() => rm(root, { recursive: true, force: true }));

/** Connects to a session whose terminal ends as it is told, one end after the other; gives the end and what was said. */
async function connect(ends: (number | ErrorCode)[], signal = new AbortController().signal) {
  const directory = directoryBackend(root);
  await directory.create({ name, image: 'none', description }, () => undefined, signal);
  const said: string[] = [];
  let attached = 0;
  const backend: Backend = {
    ...directory,
    attach: async () => {
      const end = ends[attached++];
      if (typeof end === 'number') return end;
      throw new PaudeError(end!, `it is ${end}`);
    },
  };
  const ports = {
    ...noNetwork,
    backend,
    ensureImage: async () => 'none',
    credentials: undefined,
  };
  const end = await connectSession(
    ports,
    name,
    terminal,
    (event) => event.type === 'notice' && said.push(event.text),
    signal,
  ).catch((error: unknown) => error);
  await directory.stop(name, new AbortController().signal);
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
