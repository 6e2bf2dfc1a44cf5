// Speed, as ratios measured in one run: test/bench/bench.ts, with the programs built and Podman ready.
//   npm run bench                      everything
//   npm run bench -- startup lifecycle some parts: startup, transfer, memory, lifecycle, list
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installDependencies } from './dependencies.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
installDependencies();
const { prepareMachine } = await import('./machine.mjs');
const reason = await prepareMachine();
if (reason !== undefined) throw new Error(reason);
const run = (...args) => spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
const programs = mkdtempSync(join(tmpdir(), 'paude-bench-programs-'));
try {
  process.exitCode = run('scripts/build.mjs');
  for (const name of ['git-paude', 'git-remote-paude'])
    symlinkSync(resolve(`dist/${name}.js`), join(programs, name));
  process.exitCode ||= run('--import', 'tsx', 'test/bench/bench.ts', programs, ...process.argv.slice(2));
} finally {
  rmSync(programs, { recursive: true, force: true });
}
