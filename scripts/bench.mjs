// Speed, as ratios measured in one run: test/bench/bench.ts, with the programs built and Podman ready.
//   npm run bench                      everything
//   npm run bench -- startup lifecycle some parts: startup, transfer, memory, lifecycle, list, credentials, egress,
//                                     cluster, image, ways (those only while the test cluster runs: npm run cluster -- up)
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { clusterStatus } from '../test/cluster/cluster.mjs';
import { installDependencies } from './dependencies.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
installDependencies();
const { prepareMachine } = await import('./machine.mjs');
const reason = await prepareMachine();
if (reason !== undefined) throw new Error(reason);
const cluster = clusterStatus();
if (cluster !== undefined) process.env.PAUDE_TEST_CLUSTER ??= join(cluster.state, 'cluster.json');
const run = (...args) => spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
let endCluster = () => {};
const programs = mkdtempSync(join(tmpdir(), 'paude-bench-programs-'));
try {
  process.exitCode = run('scripts/build.mjs');
  for (const name of ['git-paude', 'git-remote-paude'])
    symlinkSync(resolve(`dist/${name}.js`), join(programs, name));
  const parts = process.argv.slice(2);
  const others = parts.filter((part) => part !== 'egress');
  const withEgress = parts.length === 0 || parts.includes('egress');
  const withCluster = parts.length === 0 || others.includes('cluster');
  // The egress alone is measured on a cluster that runs; none is started for it.
  if (withEgress || withCluster) await provideWorld(withCluster || cluster !== undefined);
  if (withEgress) process.exitCode ||= run('--import', 'tsx', 'test/bench/egress.ts');
  if (parts.length === 0 || others.length > 0)
    process.exitCode ||= run('--import', 'tsx', 'test/bench/bench.ts', programs, ...others);
} finally {
  await endCluster();
  rmSync(programs, { recursive: true, force: true });
}

/** The images, by name; and a cluster with them in its registry, which is started here, if it does not run. */
async function provideWorld(withCluster) {
  const args = ['--import', 'tsx', 'test/harness/session-image.ts'];
  const image = spawnSync(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
  if (image.status !== 0) throw new Error("the session's image could not be built");
  const [session, proxy] = image.stdout.trim().split('\n');
  [process.env.PAUDE_TEST_IMAGE, process.env.PAUDE_TEST_PROXY_IMAGE] = [session, proxy];
  if (!withCluster) return;
  const { prepareCluster } = await import('./cluster-world.mjs');
  endCluster = await prepareCluster(session, proxy);
}
