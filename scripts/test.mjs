// Runs every test file in a process of its own, and closes with `N passed, N failed, N skipped`.
//   npm test                        everything
//   npm test -- test/names.test.ts  one file
//   npm test -- -t TEXT             the tests with this text in their names
// Plain Node: it installs the dependencies itself.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { installDependencies } from './dependencies.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

/** A file that has not ended by then never does: something in it waits for ever. Milliseconds. */
const patience = 15 * 60_000;

const { values, positionals } = parseArgs({
  options: { t: { type: 'string', short: 't' } },
  allowPositionals: true,
});
const files = positionals.length > 0 ? positionals : testFiles('test');

installDependencies();
build();
const needsCluster = (file) => file.endsWith('.cluster.test.ts');
const needsPodman = (file) => file.endsWith('.podman.test.ts');
if (files.some((file) => needsPodman(file) || needsCluster(file)))
  await preparePodman(files.some(needsCluster));
const totals = { passed: 0, failed: 0, skipped: 0 };
/** Puts back what was changed of the machine, at the end and when we are interrupted. */
const endings = [];
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.once(name, () => void end().finally(() => process.exit(130)));
try {
  if (files.some((file) => file.includes('journeys'))) install();
  if (process.env.PAUDE_TEST_IMAGE && files.some((file) => file.endsWith('rootless.podman.test.ts')))
    await rootless();
  // Most of a cluster's tests is waiting for pods: they go beside the others. What breaks the cluster is among them,
  // so that they have it one after the other.
  const [onCluster, others] = [true, false].map((wanted) =>
    files.filter((file) => needsCluster(file) === wanted),
  );
  await Promise.all([inTurn(others), cluster(onCluster).then(() => inTurn(onCluster))]);
} finally {
  await end();
}
console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0;

/** The programs as they are installed: some tests drive them. */
function build() {
  const built = spawnSync(process.execPath, ['scripts/build.mjs'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (built.status !== 0) throw new Error('the build failed');
}

/** The package as users have it, in a folder whose name has a space: journeys have nothing else. */
function install() {
  const folder = mkdtempSync(join(tmpdir(), 'paude installed '));
  endings.push(() => rmSync(folder, { recursive: true, force: true }));
  const npm = (...args) => execFileSync('npm', [...args, '--silent'], { encoding: 'utf8' }).trim();
  const packed = npm('pack', '--ignore-scripts', '--pack-destination', folder);
  npm('install', '--global', '--prefix', folder, join(folder, packed));
  process.env.PAUDE_TEST_INSTALLED = folder;
}

/** A Podman that runs containers, and the images of the session and its proxy; or the reason why the tests that need it are skipped. */
async function preparePodman(withCluster) {
  const { prepareMachine } = await import('./machine.mjs');
  const reason = await prepareMachine();
  if (reason !== undefined) {
    process.env.PAUDE_TEST_SKIP = reason;
    return;
  }
  // Beside the images: with nothing cached each takes minutes, and waits for the network much of that. Where it fails,
  // the start of the cluster builds again and says why.
  const parts = withCluster && !process.env.PAUDE_TEST_KUBECONFIG ? closed(buildCluster()) : undefined;
  const args = ['--import', 'tsx', 'test/harness/session-image.ts'];
  const image = spawnSync(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
  await parts;
  if (image.status !== 0) throw new Error("the session's image could not be built");
  [process.env.PAUDE_TEST_IMAGE, process.env.PAUDE_TEST_PROXY_IMAGE] = image.stdout.trim().split('\n');
}

function buildCluster() {
  return spawn(process.execPath, ['scripts/cluster.mjs', 'build'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

function closed(child) {
  return new Promise((resolve) => child.once('close', resolve));
}

async function end() {
  while (endings.length > 0) await endings.pop()();
}

async function inTurn(some) {
  for (const file of some) await runFile(file);
}

/** A cluster, if these need one, or the reason why they are skipped. */
async function cluster(some) {
  if (some.length === 0) return;
  if (process.env.PAUDE_TEST_SKIP) {
    process.env.PAUDE_TEST_CLUSTER_SKIP = process.env.PAUDE_TEST_SKIP;
    return;
  }
  const { prepareCluster } = await import('./cluster-world.mjs');
  endings.push(await prepareCluster(process.env.PAUDE_TEST_IMAGE, process.env.PAUDE_TEST_PROXY_IMAGE));
}

/** A Podman without root, or the reason why there is none. */
async function rootless() {
  const { prepareRootless } = await import('./rootless.mjs');
  endings.push(prepareRootless(process.env.PAUDE_TEST_IMAGE));
}

function testFiles(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map((entry) => relative('.', join(entry.parentPath, entry.name)))
    .sort();
}

async function runFile(file) {
  const env = { ...process.env, ...(values.t === undefined ? {} : { PAUDE_TEST_NAME: values.t }) };
  const begin = Date.now();
  const { code, output } = await run(process.execPath, ['--import', 'tsx', file], env);
  const count = (label) =>
    [...output.matchAll(new RegExp(`^ *${label}: +(\\d+)`, 'gm'))].map((match) => +match[1]);
  const [total, passed, skipped] = ['Total', 'Passed', 'Skipped'].map((label) => count(label).at(-1));
  const counted = total !== undefined && passed !== undefined && skipped !== undefined;
  // uvu's total is without those that were skipped. A file that crashed, or never came to its end, has failed,
  // whatever it counted.
  const failed = counted ? total - passed || (code === 0 ? 0 : 1) : 1;
  totals.passed += passed ?? 0;
  totals.skipped += skipped ?? 0;
  totals.failed += failed;
  const seconds = ((Date.now() - begin) / 1000).toFixed(1);
  console.log(`${failed > 0 ? 'FAILED' : 'ok    '} ${file}  ${passed ?? 0} passed, ${seconds} s`);
  if (failed > 0) console.log(output);
  else
    for (const line of output.split('\n').filter((text) => text.startsWith('skipped: ')))
      console.log(`  ${line}`);
}

function run(program, args, env) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const late = setTimeout(() => {
      output += `\nnot at its end after ${patience / 60_000} minutes`;
      child.kill('SIGKILL');
      // What it has left running may hold them.
      for (const stream of [child.stdout, child.stderr]) stream.destroy();
    }, patience);
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output += text));
    child.on('close', (code, signal) => {
      clearTimeout(late);
      resolve({ code: code ?? 1, output: signal ? `${output}\n${signal}` : output });
    });
  });
}
