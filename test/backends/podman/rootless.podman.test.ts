import * as assert from 'uvu/assert';
import { podmanBackend } from '../../../lib/backends/podman/podman-backend.ts';
import { podmanProgram } from '../../../lib/backends/podman/podman.ts';
import { isPaudeError } from '../../../lib/errors.ts';
import { quantity, sessionName } from '../../../lib/names.ts';
import { podmanSkip, rootlessPodman, rootlessSkip, testImage } from '../../harness/podman-world.ts';
import { suite } from '../../harness/suite.ts';
import { podmanSuite } from './podman-suite.ts';

const skip = podmanSkip ?? rootlessSkip;
const test = suite('podman backend, rootless');
const podman = podmanProgram(process.env, rootlessPodman);
const backend = podmanBackend(podman, 'tester');
const signal = new AbortController().signal;
const description = { agent: 'claude', agentArgs: [], packages: [], yolo: false, allowNetwork: false };

podmanSuite(test, 'rootless', rootlessPodman, skip);

test.skipIf(skip)('it is rootless, and limits are had, or missing with a word about it', async () => {
  const format = '{{.Host.Security.Rootless}} {{.Host.CgroupsVersion}}';
  const [rootless, cgroups] = (await podman.run(['info', '--format', format], { signal })).stdout.split(' ');
  assert.is(rootless, 'true');
  const can = cgroups !== 'v1';
  const name = sessionName('rootless-limits');
  const notices: string[] = [];
  const create = (limits: object) =>
    backend.create(
      { name, image: testImage, description: { ...description, ...limits } },
      (text) => notices.push(text),
      signal,
    );
  const named = await create({ pids: 100, memory: quantity('1Gi') }).catch((error: unknown) => error);
  if (can) assert.not.instance(named, Error);
  else {
    assert.ok(isPaudeError(named, 'LIMITS_UNSUPPORTED'), String(named));
    assert.match(String(named), /--memory, --pids/);
  }
  await backend.remove(name, signal);
  await create({});
  assert.is(notices.length, can ? 0 : 1);
  await backend.remove(name, signal);
});

test.run();
