import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { podmanProgram } from '../../../lib/backends/podman/podman.ts';
import { rows } from '../../../lib/backends/podman/rows.ts';
import { isPaudeError } from '../../../lib/errors.ts';
import { suite } from '../../harness/suite.ts';

const test = suite('what podman lists');
let folder: string;

test.before.each(() => void (folder = mkdtempSync(join(tmpdir(), 'paude-rows-'))));
test.after.each(() => rmSync(folder, { recursive: true }));

/** A list by a podman that is a script here, for a real one fails so only now and then: each answer is given once. */
async function listed(...answers: readonly string[]): Promise<unknown> {
  const program = join(folder, 'podman');
  const cases = answers.map((answer, index) => `${index + 1}) ${answer} ;;`).join(' ');
  writeFileSync(
    program,
    `#!/bin/sh\ncd '${folder}'\necho >> asked\ncase $(wc -l < asked) in ${cases} *) exit 9 ;; esac\n`,
  );
  chmodSync(program, 0o755);
  const { signal } = new AbortController();
  return rows(podmanProgram(process.env, program), ['volume', 'ls'], 'list', 'x', signal).catch(
    (error: unknown) => error,
  );
}

// Podman 4.3, seen where another volume was removed at that moment.
const lost = 'echo "Error: no volume with name rules-x.1 found in database: no such volume" >&2; exit 125';

test('something that is removed while a list is made does not fail it', async () => {
  assert.equal(await listed(lost, lost, `echo '[{"Name":"a"}]'`), [{ Name: 'a' }]);
});

test('nothing is an empty list, however podman says it', async () => {
  for (const nothing of ["echo '[]'", 'echo null', 'true']) {
    rmSync(join(folder, 'asked'), { force: true });
    assert.equal(await listed(nothing), [], nothing);
  }
});

test('any other failure is told', async () => {
  const error = await listed('echo "Error: database is locked" >&2; exit 125');
  assert.ok(isPaudeError(error), String(error));
  assert.match(error.message, /database is locked/);
});

test.run();
