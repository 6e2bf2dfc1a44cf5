/**
 * git-remote-paude as the tests run it: the real helper over sessions that are plain folders. Settings come from
 * the environment, so that a test needs no configuration.
 */
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { directoryBackend } from '../backends/directory.ts';
import { runHelper } from '../../lib/remote/helper.ts';
import { PaudeError } from '../../lib/errors.ts';
import type { Backend } from '../../lib/session/backend.ts';
import type { AutoStart } from '../../lib/session/open-service.ts';

const env = process.env;
const root = env['PAUDE_TEST_ROOT'];
if (root === undefined) throw new Error('PAUDE_TEST_ROOT is not set');
const folders = directoryBackend(root);
const isFiltered = env['PAUDE_TEST_FILTERED'] !== undefined;
/** What was done in a session. */
const log = env['PAUDE_TEST_LOG'];
const backend: Backend = {
  ...folders,
  open: (name, command, ...rest) =>
    folders.open(name, isFiltered ? ['env', 'PAUDE_FILTERED=1', ...command] : command, ...rest),
};
const note = (what: string) => void (log !== undefined && appendFileSync(log, `${what}\n`));
const stopping = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort());

const code = await runHelper({
  argv: process.argv.slice(2),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: stopping.signal,
  ports: {
    backend: async () => backend,
    settings: async () => ({
      autoStart: (env['PAUDE_TEST_AUTOSTART'] ?? 'always') as AutoStart,
      protocolVersion: Number(env['PAUDE_TEST_PROTOCOL'] ?? 2),
    }),
    serveOptions: async () => [
      `--head=${env['PAUDE_TEST_HEAD'] ?? 'main'}`,
      `--object-format=${env['PAUDE_TEST_FORMAT'] ?? 'sha1'}`,
    ],
    beforePush: async () => {
      if (env['PAUDE_TEST_FORBID'] === undefined) return;
      throw new PaudeError('CONFIG_UNTRUSTED', 'it is not trusted', { hint: 'git paude trust' });
    },
    create: async ({ name }, _report, signal) => {
      const description = {
        agent: 'claude',
        agentArgs: [],
        packages: [],
        yolo: false,
        allowNetwork: false,
      };
      await backend.create({ name, description, image: 'none' }, () => undefined, signal);
    },
    start: async ({ name }, report, signal) => {
      for await (const phase of backend.start(name, signal)) report({ type: 'step', text: phase.text });
      note('start');
      // What the probe leaves.
      writeFileSync(join(root, name, 'run/proved'), '');
    },
    sync: async ({ name }) => {
      note('sync');
      if (env['PAUDE_TEST_SYNC'] !== undefined) throw new PaudeError('SYNC_FAILED', env['PAUDE_TEST_SYNC']);
      // What adopting leaves.
      writeFileSync(join(root, name, 'run/adopted-config'), 'x\n');
      return [];
    },
  },
});
process.exit(code);
