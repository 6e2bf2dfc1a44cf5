import { PassThrough } from 'node:stream';
import * as assert from 'uvu/assert';
import { attachTerminal } from '../../../../lib/backends/kubernetes/exec/attach-terminal.ts';
import { isPaudeError } from '../../../../lib/errors.ts';
import type { Terminal } from '../../../../lib/session/backend.ts';
import { suite } from '../../../harness/suite.ts';
import { connectTo, fakeServer, statusFrame, target } from './fake-api-server.ts';

const test = suite('a terminal in a pod');
const signal = new AbortController().signal;

/** A terminal's streams, and in what order it was raw and not. */
function terminal() {
  const modes: boolean[] = [];
  const input = Object.assign(new PassThrough(), {
    isTTY: true,
    isRaw: false,
    setRawMode: (raw: boolean) => modes.push(raw),
  });
  const output = Object.assign(new PassThrough(), { isTTY: true, columns: 80, rows: 24 });
  let shown = '';
  output.setEncoding('utf8').on('data', (text: string) => (shown += text));
  const given = { stdin: input, stdout: output, term: 'xterm-256color' } as unknown as Terminal;
  return { given, input, output, modes, shown: () => shown };
}

test('it is raw while attached, has its TERM, and is resized with the user’s', async () => {
  const user = terminal();
  const sizes: unknown[] = [];
  let command: string[] = [];
  await using server = await fakeServer({
    exec: (ws, request) => {
      command = new URL(request.url!, 'http://x').searchParams.getAll('command');
      ws.on('message', (data: Buffer) => {
        if (data[0] === 4) {
          sizes.push(JSON.parse(data.subarray(1).toString()));
          if (sizes.length === 1) {
            Object.assign(user.output, { columns: 132, rows: 50 }).emit('resize');
          } else user.input.write('typed');
          return;
        }
        ws.send(Buffer.concat([Buffer.of(1), data.subarray(1)]));
        ws.send(statusFrame(3));
      });
    },
  });
  assert.is(await attachTerminal(await connectTo(server.port), target, user.given, { signal }), 3);
  assert.equal(command, ['env', 'TERM=xterm-256color', 'cat']);
  assert.equal(sizes, [
    { Width: 80, Height: 24 },
    { Width: 132, Height: 50 },
  ]);
  assert.is(user.shown(), 'typed');
  assert.equal(user.modes, [true, false]);
  assert.is(user.output.listenerCount('resize'), 0);
});

test('a lost connection is told, and leaves the terminal as it was, ready for the next', async () => {
  const user = terminal();
  await using server = await fakeServer({ exec: (ws) => ws.terminate() });
  const connection = await connectTo(server.port);
  for (const round of [1, 2]) {
    const end = await attachTerminal(connection, target, user.given, { signal }).catch(
      (error: unknown) => error,
    );
    assert.ok(isPaudeError(end, 'CONNECTION_LOST'), `${round}: ${end}`);
  }
  assert.equal(user.modes, [true, false, true, false]);
  assert.not(user.input.destroyed);
  assert.not(user.output.writableEnded);
});

test.run();
