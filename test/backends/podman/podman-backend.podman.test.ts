import * as assert from 'uvu/assert';
import { podmanBackend } from '../../../lib/backends/podman/podman-backend.ts';
import { podmanProgram } from '../../../lib/backends/podman/podman.ts';
import { isPaudeError } from '../../../lib/errors.ts';
import { sessionName } from '../../../lib/names.ts';
import { execInSession } from '../../../lib/session/exec-in-session.ts';
import type { SessionSpec } from '../../../lib/session/session.ts';
import { backendContract } from '../../contract/backend-contract.ts';
import { podmanSkip, testImage } from '../../harness/podman-world.ts';
import { suite } from '../../harness/suite.ts';
import { PassThrough, Readable } from 'node:stream';

const test = suite('podman backend');
const podman = podmanProgram(process.env);
const backend = podmanBackend(podman, 'tester');
const signal = new AbortController().signal;
const it = test.skipIf(podmanSkip);
const name = sessionName('contract-more');
const description = { agent: 'claude', agentArgs: [], packages: [], yolo: false, allowNetwork: false };
const spec: SessionSpec = { name, image: testImage, description };

async function start(): Promise<void> {
  for await (const phase of backend.start(name, signal)) assert.ok(phase.text);
}

async function output(...command: string[]): Promise<string> {
  const stdout = new PassThrough();
  const said = stdout.toArray();
  const streams = { stdin: Readable.from([]), stdout, stderr: new PassThrough().resume() };
  assert.is(await execInSession(backend, name, command, streams, signal), 0, command.join(' '));
  stdout.end();
  return Buffer.concat(await said).toString();
}

backendContract(test, 'contract', async () => ({ backend, image: testImage }), podmanSkip);

test.after.each(async () => {
  if (podmanSkip === undefined) await backend.remove(name, signal);
});

it('what runs in it has no rights, and writes to the volume and to memory only', async () => {
  await backend.create(spec, () => undefined, signal);
  await start();
  assert.is(await output('id', '-u'), '1000\n');
  assert.is(await output('id', '-g'), '0\n');
  const status = await output('cat', '/proc/self/status');
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
    assert.match(status, new RegExp(`${set}:\\s+0+\n`));
  assert.match(status, /NoNewPrivs:\s+1/);
  assert.match(status, /Seccomp:\s+2/);
  const writable =
    'for d in / /etc /usr /var /opt /root /usr/libexec/paude; do if [ -w "$d" ]; then echo "$d"; fi; done';
  assert.is(await output('sh', '-c', writable), '');
  assert.is(
    (await output('stat', '-f', '-c', '%T', '/home/paude', '/run/paude', '/tmp')).trim(),
    'tmpfs\ntmpfs\ntmpfs',
  );
});

it('a container that dies under a command is told of, and what was pruned is made again', async () => {
  await backend.create(spec, () => undefined, signal);
  await start();
  await output('sh', '-c', 'echo kept > /pvc/kept');
  const stdout = new PassThrough();
  const streams = { stdin: new PassThrough(), stdout, stderr: new PassThrough().resume() };
  const running = execInSession(backend, name, ['sh', '-c', 'echo runs; sleep 300'], streams, signal).then(
    () => undefined,
    (error: unknown) => error,
  );
  await stdout.iterator().next();
  await podman.run(['kill', `paude-${name}`], { signal });
  assert.ok(isPaudeError(await running, 'SESSION_DIED'));
  await podman.run(['rm', '--force', `paude-${name}`], { signal });
  await podman.run(['network', 'rm', '--force', `paude-${name}`], { signal });
  assert.is((await backend.get(name, signal))?.state, 'stopped');
  await start();
  assert.is(await output('cat', '/pvc/kept'), 'kept\n');
});

for (const kind of ['volume', 'network'] as const) {
  it(`a ${kind} of our name that is a stranger's is left alone`, async () => {
    await podman.run([kind, 'create', `paude-${name}`], { signal });
    try {
      await backend.create(spec, () => undefined, signal);
      assert.unreachable();
    } catch (error) {
      assert.ok(isPaudeError(error, 'NOT_OURS'), String(error));
    }
    await backend.remove(name, signal);
    assert.equal(
      await backend.list(signal).then((all) => all.filter((one) => one.location.name === name)),
      [],
    );
    const there = await podman.run([kind, 'rm', `paude-${name}`], { signal });
    assert.is(there.exitCode, 0, 'the stranger’s object is still there');
  });
}

it('what fails in the middle of create is undone', async () => {
  try {
    await backend.create({ ...spec, image: 'localhost/there-is-none:1' }, () => undefined, signal);
    assert.unreachable();
  } catch (error) {
    assert.ok(isPaudeError(error, 'IMAGE_MISSING'), String(error));
  }
  for (const kind of ['volume', 'network', 'container']) {
    assert.is((await podman.run([kind, 'inspect', `paude-${name}`], { signal })).exitCode === 0, false, kind);
  }
});

test.run();
