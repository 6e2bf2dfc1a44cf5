// npm run demo: the whole main job, once, in a scratch repository.
//   npm run demo -- --model real   with your own credentials (ANTHROPIC_API_KEY or another of Claude Code's)
// Plain Node: it gets the machine ready itself.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { installDependencies } from './dependencies.mjs';
import { prepareMachine } from './machine.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const { values } = parseArgs({ options: { model: { type: 'string', default: 'stand-in' } } });
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

const scratch = mkdtempSync(join(tmpdir(), 'git-paude-demo-'));
const repository = join(scratch, 'greeting');
const children = new Set();
const times = [];
let model;
let created = false;
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    interrupted = true;
    for (const child of children) child.kill('SIGINT');
  });
}

try {
  await main();
} catch (error) {
  console.error(`\nThe demo stopped: ${error.message}`);
  process.exitCode = 1;
} finally {
  interrupted = false;
  model?.kill();
  if (created) {
    await run('git', ['paude', 'delete', name, '--confirm'], { cwd: repository }).catch(() => {
      console.error(`the session ${name} is left: git paude delete ${name} --confirm`);
      process.exitCode = 1;
    });
  }
  rmSync(scratch, { recursive: true, force: true });
}

async function main() {
  await step('get the machine ready', async () => {
    installDependencies();
    const reason = await prepareMachine();
    if (reason) throw new Error(reason);
  });
  await step('build and install', install);
  await makeRepository();
  const inRepository = { cwd: repository };
  created = true;
  await step('create (builds the image if need be)', () =>
    show('git', ['paude', 'create', name, '--yolo'], inRepository),
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
  created = false;
  console.log('\nTime of each step, in seconds:');
  for (const [what, seconds] of times) console.log(`${seconds.toFixed(1).padStart(8)}  ${what}`);
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
    for (const other of [
      'ANTHROPIC_AUTH_TOKEN',
      'CLAUDE_CODE_OAUTH_TOKEN',
      'CLAUDE_CODE_USE_VERTEX',
      'CLAUDE_CODE_USE_BEDROCK',
    ])
      delete process.env[other];
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
  model = spawn('git', args, { cwd: repository, stdio: [script, 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    model.stdout.once('data', resolve);
    model.once('close', (code) => reject(new Error(`the stand-in ended with exit code ${code}`)));
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
