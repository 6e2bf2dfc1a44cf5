import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { suite } from '../harness/suite.ts';

const test = suite('main');
const program = fileURLToPath(new URL('../../bin/git-paude.ts', import.meta.url));
const tsx = import.meta.resolve('tsx');
let folder: string;
/** Where podmans that never answer wrote their process ids. */
const fakes: string[] = [];

test.before(() => {
  folder = mkdtempSync(join(tmpdir(), 'paude-main-'));
});
test.after(() => {
  for (const pid of fakes.flatMap((file) => readFileSync(file, 'utf8').trim().split('\n')))
    endIfThere(Number(pid));
  rmSync(folder, { recursive: true });
});

function endIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function options(env: NodeJS.ProcessEnv = {}) {
  return { cwd: folder, env: { PATH: process.env['PATH'], HOME: folder, ...env } };
}

function paude(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const done = spawnSync(process.execPath, ['--import', tsx, program, ...args], {
    ...options(env),
    encoding: 'utf8',
  });
  return { code: done.status, stdout: done.stdout, stderr: done.stderr };
}

test('alone it shows the few commands that matter, and help shows all that are for people', () => {
  const alone = paude([]);
  assert.is(alone.code, 0);
  assert.match(alone.stdout, /create \[NAME\]/);
  assert.not.match(alone.stdout, /remote cleanup/);
  assert.equal(paude(['-h']), alone);
  const all = paude(['help']).stdout;
  assert.match(all, /remote cleanup/);
  assert.not.match(all, /lfs-agent/);
});

test('help of a verb, and of the first word of two', () => {
  const verb = paude(['remote', 'add', '-h']);
  assert.is(verb.code, 0);
  assert.match(verb.stdout, /^usage: git paude remote add \[NAME\] \[FLAGS\]\n/);
  assert.equal(paude(['help', 'remote', 'add']), verb);
  assert.match(paude(['exec', '-h']).stdout, /^usage: git paude exec \[NAME\] \[FLAGS\] -- COMMAND…\n/);
  const group = paude(['remote', '-h']);
  assert.is(group.code, 0);
  assert.match(group.stdout, /remote add[^]*remote cleanup/);
  assert.equal(paude(['help', 'remote']), group);
});

test('what is wrong is said on stderr, with a hint, and nothing is on stdout', () => {
  assert.equal(paude(['crate']), {
    code: 2,
    stdout: '',
    stderr: 'paude: there is no command "crate"\nhint: git paude create\n',
  });
  assert.match(paude(['crate'], { PAUDE_TRACE: '1' }).stderr, /\n {4}at /);
});

test('who stops reading ends it quietly', async () => {
  const child = spawn(process.execPath, ['--import', tsx, program, 'config', '--json'], {
    ...options(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const [code] = await once(child, 'close');
  assert.is(code, 0);
  assert.is(said, '');
});

/** The program, waiting for a podman that never answers. */
async function waiting(podman: string, last = 'exec sleep 60'): Promise<ChildProcess> {
  const bin = mkdtempSync(join(folder, 'bin-'));
  const began = join(bin, 'began');
  // Two questions are asked at once.
  writeFileSync(
    join(bin, 'podman'),
    `#!/bin/sh\n${podman}\necho >> '${began}'\necho $$ >> '${began}.pids'\n${last}\n`,
  );
  chmodSync(join(bin, 'podman'), 0o755);
  const child = spawn(process.execPath, ['--import', tsx, program, 'list'], {
    ...options({ PATH: `${bin}:${process.env['PATH']}` }),
    stdio: 'ignore',
  });
  while (!existsSync(began)) await new Promise((resolve) => setTimeout(resolve, 20));
  fakes.push(`${began}.pids`);
  return child;
}

test('the first Ctrl-C ends it with 130', async () => {
  const child = await waiting(':');
  child.kill('SIGINT');
  assert.equal(await once(child, 'close'), [130, null]);
});

test('a Ctrl-C that git passes on comes twice, and is one: what it began to undo is waited for', async () => {
  const undone = join(folder, 'undone');
  const child = await waiting(
    `trap 'sleep 0.2; kill $!; echo >> "${undone}"; exit' INT TERM`,
    'sleep 60 & wait $!',
  );
  child.kill('SIGINT');
  child.kill('SIGTERM');
  assert.equal(await once(child, 'close'), [130, null]);
  assert.ok(existsSync(undone));
});

test('a second Ctrl-C ends it at once, whatever it waits for', async () => {
  const child = await waiting("trap '' INT TERM");
  const ended = once(child, 'close');
  child.kill('SIGINT');
  const again = setInterval(() => child.kill('SIGINT'), 300);
  const began = Date.now();
  assert.equal(await ended, [130, null]);
  clearInterval(again);
  assert.ok(Date.now() - began < 4000, 'sooner than a podman that is deaf is killed');
});

test.run();
