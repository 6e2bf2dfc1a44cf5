import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { podmanBackend } from '../../../lib/backends/podman/podman-backend.ts';
import { podmanProgram } from '../../../lib/backends/podman/podman.ts';
import { isPaudeError } from '../../../lib/errors.ts';
import { sessionName } from '../../../lib/names.ts';
import { suite } from '../../harness/suite.ts';

const test = suite('podman exec: how it ended');
const signal = new AbortController().signal;
let folder: string;

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'paude-exec-'));
});
test.after.each(() => rmSync(folder, { recursive: true }));

/** How a command ends where podman, a script here, does `exec` when it runs it and `inspect` when it is asked. */
async function end(exec: string, inspect: string): Promise<unknown> {
  const program = join(folder, 'podman');
  writeFileSync(program, `#!/bin/sh\ncd '${folder}'\ncase $1 in exec) ${exec} ;; *) ${inspect} ;; esac\n`);
  chmodSync(program, 0o755);
  const backend = podmanBackend(podmanProgram(process.env, program), 'tester');
  await using tunnel = await backend.open(sessionName('x'), ['command'], signal);
  tunnel.stdin.end();
  tunnel.stdout.resume();
  tunnel.stderr.resume();
  return tunnel.exit.catch((error: unknown) => error);
}

const lost = 'echo "Error: retrieving exec session 1 exit code: no such exec session" >&2; exit 125';

test('a container that is killed is seen to be gone a moment after its command', async () => {
  const gone = 'echo >> asked; if [ "$(wc -l < asked)" -lt 3 ]; then echo true; else echo false; fi';
  assert.ok(isPaudeError(await end('exit 137', gone), 'SESSION_DIED'));
});

test('a command that is killed alone gives its own exit code', async () => {
  assert.is(await end('exit 137', 'echo true'), 137);
});

test('where podman finds no trace of the command, the session has ended, or podman has failed', async () => {
  assert.ok(isPaudeError(await end(lost, 'echo false'), 'SESSION_DIED'));
  const failed = await end(lost, 'echo true');
  assert.ok(isPaudeError(failed, 'BACKEND_FAILED'), String(failed));
  assert.match(String(failed), /no such exec session/);
});

test('a podman that does not answer is not taken for an interrupt', async () => {
  const silent = await end('exit 137', 'exec sleep 60');
  assert.ok(isPaudeError(silent, 'BACKEND_UNREACHABLE'), String(silent));
});

test.run();
