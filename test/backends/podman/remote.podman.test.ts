import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { podmanBackend } from '../../../lib/backends/podman/podman-backend.ts';
import { podmanProgram } from '../../../lib/backends/podman/podman.ts';
import { isPaudeError } from '../../../lib/errors.ts';
import { podmanSkip, testImage } from '../../harness/podman-world.ts';
import { suite } from '../../harness/suite.ts';
import { until } from '../../remote/git-world.ts';
import { backendContract } from '../../contract/backend-contract.ts';

const test = suite('podman elsewhere');
const signal = new AbortController().signal;
let folder: string;
let service: ChildProcess;

/** Podman's own service, and a podman that knows it by CONTAINER_HOST alone, as with another machine. */
backendContract(
  test,
  'remote',
  async () => {
    folder = mkdtempSync(join(tmpdir(), 'paude-remote-'));
    const socket = join(folder, 'podman.sock');
    service = spawn('podman', ['system', 'service', '--time=0', `unix://${socket}`], { stdio: 'ignore' });
    await until('the service listens', () => existsSync(socket));
    const env = { ...process.env, CONTAINER_HOST: `unix://${socket}` };
    return { backend: podmanBackend(podmanProgram(env), 'tester'), image: testImage };
  },
  podmanSkip,
);

test.after(() => {
  if (podmanSkip !== undefined) return;
  service.kill();
  rmSync(folder, { recursive: true, force: true });
});

test.skipIf(podmanSkip)('a Podman that can’t be reached is said to be so', async () => {
  const env = { ...process.env, CONTAINER_HOST: 'unix:///there/is/none' };
  const error = await podmanBackend(podmanProgram(env), 'tester')
    .list(signal)
    .catch((thrown: unknown) => thrown);
  assert.ok(isPaudeError(error, 'BACKEND_UNREACHABLE'), String(error));
  assert.match(error.hint!, 'CONTAINER_HOST');
});

test.skipIf(podmanSkip)('an interrupted build ends there with its step, and leaves nothing', async () => {
  // Its number is this run's own. The far Podman takes no notice of a client that is gone before a step has ended.
  const [step, next] = [`sleep 4.${process.pid}`, `sleep 4444.${process.pid}`];
  writeFileSync(
    join(folder, 'Containerfile'),
    `FROM ${testImage}\nRUN echo it sleeps; ${step}\nRUN ${next}\n`,
  );
  const env = { ...process.env, CONTAINER_HOST: `unix://${join(folder, 'podman.sock')}` };
  const podman = podmanProgram(env);
  const containers = async () =>
    (await podman.run(['ps', '--all', '--external', '--quiet'], { signal })).stdout;
  const before = new Set((await containers()).split('\n'));
  const stopping = new AbortController();
  const onLine = (line: string) => void (line === 'it sleeps' && stopping.abort());
  const build = ['build', '--pull=never', '--file', join(folder, 'Containerfile'), folder];
  const error = await podman
    .run(build, { signal: stopping.signal, onLine })
    .catch((thrown: unknown) => thrown);
  assert.ok(isPaudeError(error, 'INTERRUPTED'), String(error));
  const runs = (line: string) => spawnSync('pgrep', ['-f', `^${line}$`]).status === 0;
  await until('its step has ended', () => !runs(step));
  await until('its container is removed', async () =>
    (await containers()).split('\n').every((one) => before.has(one)),
  );
  assert.not(runs(next));
});

test.run();
