// npm run demo: the whole main job, once, in a scratch repository.
//   npm run demo -- --backend openshift   on a cluster: your kubeconfig's current context, or the test cluster
//   npm run demo -- --model real   with your own credentials (ANTHROPIC_API_KEY or another of Claude Code's)
// Plain Node: it gets the machine ready itself.
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { installDependencies } from './dependencies.mjs';
import { prepareDemo } from './demo-place.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'stand-in' },
    backend: { type: 'string', default: 'podman' },
  },
});
if (values.model !== 'real' && values.model !== 'stand-in') {
  console.error('--model is real or stand-in');
  process.exit(2);
}
const standIn = values.model !== 'real';
const port = 41414;
const name = `demo-${process.pid}`;
const task =
  'greeting.mjs has no test. Write one with node:test in greeting.test.mjs, run it, and commit it.';
const answers = [
  {
    name: 'Write',
    input: {
      file_path: '/pvc/workspace/greeting.test.mjs',
      content: `import assert from 'node:assert/strict';
import test from 'node:test';
import { greeting } from './greeting.mjs';

test('greets by name', () => assert.equal(greeting('Ada'), 'Hello, Ada!'));
`,
    },
  },
  {
    name: 'Bash',
    input: {
      command: 'node --test && git add greeting.test.mjs && git commit -m "Test the greeting"',
      description: 'Run the test and commit it',
    },
  },
  'The test is written, passes, and is committed.',
];

console.log(
  standIn
    ? 'The agent is the real one; only the model behind it is stood in for, by a small local server with a script.\n' +
        'With your own credentials, the real model: npm run demo -- --model real\n'
    : 'The agent is the real one, and so is the model, with your own credentials.\n',
);

// What Claude Code takes for credentials, and a session gets from the shell (lib/agents/claude.ts).
const credentials = [
  'ANTHROPIC_API_KEY',
  'ANTHROPIC_AUTH_TOKEN',
  'CLAUDE_CODE_OAUTH_TOKEN',
  'CLAUDE_CODE_USE_VERTEX',
  'CLAUDE_CODE_USE_BEDROCK',
];
if (!standIn && !credentials.some((variable) => process.env[variable])) {
  console.error(`The real model needs your own credentials: export one of ${credentials.join(', ')}`);
  process.exit(1);
}

const scratch = mkdtempSync(join(tmpdir(), 'git-paude-demo-'));
const repository = join(scratch, 'greeting');
const children = new Set();
const times = [];
let model;
let place = { flags: [], end: () => {} };
/** From the moment that it is asked for: one that fails, or is interrupted, may have made it. */
let mayBeThere = false;
let interrupted = false;
let cleaning = false;
const interrupt = () => {
  interrupted = true;
  for (const child of children) child.kill('SIGINT');
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, interrupt);
// Who reads along may stop, as head does: then it is over, and cleaned up.
const unheard = () => cleaning || interrupt();
process.stdout.on('error', unheard);
process.stderr.on('error', unheard);

try {
  await main();
} catch (error) {
  cleaning = true;
  console.error(`\nThe demo stopped: ${interrupted ? 'interrupted' : error.message}`);
  process.exitCode = 1;
} finally {
  cleaning = true;
  interrupted = false;
  model?.kill();
  if (mayBeThere) await removeSession();
  await place.end();
  rmSync(scratch, { recursive: true, force: true });
}

async function main() {
  await step('get the machine ready', async () => {
    installDependencies();
    place = await prepareDemo(values.backend, scratch);
  });
  await step('build and install', install);
  await makeRepository();
  const inRepository = { cwd: repository };
  mayBeThere = true;
  await step('create (builds the image if need be)', () =>
    show('git', ['paude', 'create', name, '--yolo', ...place.flags], inRepository),
  );
  await step('push', () => show('git', ['push', `paude-${name}`, 'main'], inRepository));
  if (standIn) await step('start the stand-in', startModel);
  await step('the agent at work', () =>
    show(
      'git',
      ['paude', 'exec', name, '--', 'claude', '-p', task, '--dangerously-skip-permissions'],
      inRepository,
    ),
  );
  await step('pull', () => show('git', ['pull', `paude-${name}`, 'main'], inRepository));
  await show('git', ['--no-pager', 'log', '--format=%h %an: %s'], inRepository);
  await show('git', ['--no-pager', 'diff', 'HEAD~1', 'HEAD'], inRepository);
  await show('git', ['paude', 'list'], inRepository);
  model?.kill();
  await step('stop', () => show('git', ['paude', 'stop', name], inRepository));
  await show('git', ['paude', 'list'], inRepository);
  await step('delete', () => show('git', ['paude', 'delete', name, '--confirm'], inRepository));
  mayBeThere = false;
  console.log('\nTime of each step, in seconds:');
  for (const [what, seconds] of times) console.log(`${seconds.toFixed(1).padStart(8)}  ${what}`);
}

/** What a demo that stopped in its middle leaves. Where nothing was made, there is nothing to say. */
async function removeSession() {
  const options = { cwd: repository, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] };
  const listed = spawnSync('git', ['paude', 'list', ...place.flags], options);
  if (listed.status === 0 && !new RegExp(`^${name}\t`, 'm').test(listed.stdout)) return;
  const args = ['paude', 'delete', name, '--confirm', ...place.flags];
  await run('git', args, { cwd: repository }).catch(() => {
    console.error(`the session ${name} may be left: git ${args.join(' ')}`);
    process.exitCode = 1;
  });
}

/** As a user does: the package, installed in a place of its own. */
async function install() {
  await run('npm', ['pack', '--silent', '--pack-destination', scratch]);
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  const prefix = join(scratch, 'installed');
  await run('npm', [
    'install',
    '--silent',
    '-g',
    '--prefix',
    prefix,
    join(scratch, `git-paude-${version}.tgz`),
  ]);
  process.env.PATH = [join(prefix, 'bin'), process.env.PATH].join(delimiter);
  if (standIn) {
    process.env.ANTHROPIC_BASE_URL = `http://127.0.0.1:${port}`;
    process.env.ANTHROPIC_API_KEY = 'the-stand-in-takes-any-key';
    for (const other of credentials.slice(1)) delete process.env[other];
    // Nothing of the person's own is of use to a stand-in.
    for (const folder of ['CLAUDE_CONFIG_DIR', 'CLOUDSDK_CONFIG'])
      process.env[folder] = join(scratch, folder);
    delete process.env.GOOGLE_APPLICATION_CREDENTIALS;
  }
}

function makeRepository() {
  mkdirSync(repository);
  writeFileSync(join(repository, 'greeting.mjs'), 'export const greeting = (name) => `Hello, ${name}!`;\n');
  const git = (...args) => run('git', args, { cwd: repository });
  return git('init', '--quiet', '--initial-branch=main')
    .then(() => git('config', 'user.name', 'You'))
    .then(() => git('config', 'user.email', 'you@example.com'))
    .then(() => git('add', '.'))
    .then(() => git('commit', '--quiet', '-m', 'A greeting'));
}

/** Inside the session, so that the demo needs no way from there to this machine. */
function startModel() {
  const script = openSync('test/harness/model.mjs', 'r');
  const args = ['paude', 'exec', name, '--', 'node', '-', String(port), JSON.stringify(answers)];
  model = spawn('git', args, { cwd: repository, stdio: [script, 'pipe', 'pipe'] });
  // Shown only where it matters: at its end, which we bring about, it says that it was interrupted.
  let said = '';
  model.stderr.setEncoding('utf8').on('data', (text) => (said += text));
  return new Promise((resolve, reject) => {
    model.stdout.once('data', resolve);
    model.once('close', (code) => reject(new Error(`the stand-in ended with exit code ${code}: ${said}`)));
  });
}

async function step(what, body) {
  console.log(`\n== ${what}`);
  const begin = performance.now();
  await body();
  times.push([what, (performance.now() - begin) / 1000]);
}

function show(program, args, options) {
  console.log(
    `$ ${program} ${args.map((arg) => (/^[\w./=%:@~-]+$/.test(arg) ? arg : `'${arg}'`)).join(' ')}`,
  );
  return run(program, args, options);
}

function run(program, args, options = {}) {
  if (interrupted) return Promise.reject(new Error('interrupted'));
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options });
    children.add(child);
    child.once('error', reject);
    child.once('close', (code) => {
      children.delete(child);
      if (code === 0) resolve();
      else reject(new Error(`${program} ${args.slice(0, 2).join(' ')} ended with exit code ${code}`));
    });
  });
}
