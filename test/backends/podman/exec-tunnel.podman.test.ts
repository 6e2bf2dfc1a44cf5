import { PassThrough, Readable } from 'node:stream';
import * as assert from 'uvu/assert';
import { podmanBackend } from '../../../lib/backends/podman/podman-backend.ts';
import { podmanProgram } from '../../../lib/backends/podman/podman.ts';
import { isPaudeError } from '../../../lib/errors.ts';
import { sessionName } from '../../../lib/names.ts';
import { execInSession } from '../../../lib/session/exec-in-session.ts';
import { podmanSkip, testImage } from '../../harness/podman-world.ts';
import { suite } from '../../harness/suite.ts';

const test = suite('podman exec');
const it = test.skipIf(podmanSkip);
const backend = podmanBackend(podmanProgram(process.env), 'tester');
const signal = new AbortController().signal;
const name = sessionName('podman-exec');
const description = { agent: 'claude', agentArgs: [], packages: [], yolo: false, allowNetwork: false };

test.before(async () => {
  if (podmanSkip === undefined) await backend.create({ name, image: testImage, description }, fail, signal);
});
test.after(async () => {
  if (podmanSkip === undefined) await backend.remove(name, signal);
});

function fail(text: string): never {
  throw new Error(text);
}

async function run(...command: string[]): Promise<{ readonly end: unknown; readonly stderr: string }> {
  const stderr = new PassThrough();
  const said = stderr.toArray();
  const streams = { stdin: Readable.from([]), stdout: new PassThrough().resume(), stderr };
  const end = await execInSession(backend, name, command, streams, signal).catch((error: unknown) => error);
  stderr.end();
  return { end, stderr: Buffer.concat(await said).toString() };
}

it('what podman says of a session that is stopped is told once, by us', async () => {
  const { end, stderr } = await run('true');
  assert.ok(isPaudeError(end, 'SESSION_STOPPED'), String(end));
  assert.is(stderr, '');
});

it('what a command says is its own, whatever its words and its exit code', async () => {
  for await (const phase of backend.start(name, signal)) assert.ok(phase.text);
  for (const code of [0, 1, 126, 255]) {
    const said = `Error: mine ${code}\nmore\n`;
    assert.equal(await run('sh', '-c', `printf '%s' "$1" >&2; exit ${code}`, '-', said), {
      end: code,
      stderr: said,
    });
  }
});

test.run();
