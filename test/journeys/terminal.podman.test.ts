import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { podmanSkip } from '../harness/podman-world.ts';
import { suite } from '../harness/suite.ts';
import { until, World } from './world.ts';

const test = suite('journey: terminal');
const it = test.skipIf(podmanSkip);
const model = readFileSync(fileURLToPath(new URL('../harness/model.mjs', import.meta.url)));
const port = 41415;
let world: World;
let name: string;
let terminals = 0;

/** What the agent needs from the shell. Only the model is stood in for; it runs inside the session. */
const shell = {
  ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}`,
  ANTHROPIC_API_KEY: 'sk-ant-a-key-that-is-nobodys-at-all',
};

test.before(() => {
  if (podmanSkip !== undefined) return;
  world = new World();
  name = world.session('term');
});
test.after(() => {
  if (podmanSkip !== undefined) return;
  tmux('kill-server');
  world.end();
});

/** The person's terminal is a tmux of this machine: a server of its own for each, for one that ends takes its time. */
function tmux(...args: string[]): string {
  const done = spawnSync(
    'tmux',
    ['-L', `paude-test-${process.pid}-${terminals}`, '-f', '/dev/null', ...args],
    {
      cwd: world.repository,
      env: { ...world.env, ...shell },
      encoding: 'utf8',
    },
  );
  return done.stdout;
}

function terminal(command: string): void {
  terminals++;
  tmux(
    'new-session',
    '-d',
    '-x',
    '100',
    '-y',
    '30',
    `${command}; echo "ended with $?"; stty -a; exec sleep 1000`,
  );
}

const screen = () => tmux('capture-pane', '-p');
const inSession = (...command: string[]) => world.paude('exec', name, '--', ...command).stdout;
const clients = () => inSession('tmux', 'list-clients', '-F', '#{client_width}x#{client_height}');

function startModel(answers: readonly unknown[]): void {
  const server = world.start('git', [
    'paude',
    'exec',
    name,
    '--',
    'node',
    '-',
    String(port),
    JSON.stringify(answers),
  ]);
  server.stdin!.end(model);
}

it('a shell waits for code, and the agent takes its place when the code lands', async () => {
  assert.is(world.paude('create', name).code, 0);
  terminal(`git paude connect ${name}`);
  await until(screen, (text) => text.includes(`git push paude-${name}`) && text.includes(`[${name}]`));
  assert.is(world.git('push', '-q', `paude-${name}`, 'main').code, 0);
  await until(screen, (text) => /Claude Code/.test(text));
});

it('it is resized with the terminal, detaches, and leaves the terminal as it was', async () => {
  tmux('resize-window', '-x', '80', '-y', '24');
  await until(clients, (text) => text === '80x24\n');
  tmux('send-keys', 'C-b', 'd');
  const text = await until(screen, (shown) => /ended with \d/.test(shown) && /echo/.test(shown));
  assert.match(text, /ended with 0/);
  assert.match(text, / icanon/);
  assert.match(text, / echo /);
  assert.is(clients(), '');
  tmux('kill-server');
});

it('a terminal that vanishes is dropped, and a new one finds everything as it was', async () => {
  terminal(`git paude connect ${name}`);
  await until(clients, (text) => text === '100x30\n');
  tmux('kill-server');
  await until(clients, (text) => text === '');
  terminal(`git paude connect ${name}`);
  await until(screen, (text) => /Claude Code/.test(text));
  tmux('send-keys', 'C-b', 'd');
  await until(screen, (text) => /ended with 0/.test(text));
  tmux('kill-server');
});

it('the agent makes a real commit, and goes on with its conversation after a stop', async () => {
  const commit = {
    command: 'echo agent > made && git add made && git commit -qm "made by the agent"',
    description: 'x',
  };
  startModel([{ name: 'Bash', input: commit }, 'It is done.']);
  await until(
    () => inSession('sh', '-c', `curl -s -o /dev/null http://127.0.0.1:${port}; echo $?`),
    (text) => text === '0\n',
  );
  const ask = (question: string, ...more: string[]) =>
    world.run('git', [
      'paude',
      'exec',
      name,
      '--',
      'claude',
      ...more,
      '-p',
      question,
      '--dangerously-skip-permissions',
    ]);
  // A start sends what the agent needs from this shell.
  assert.is(world.run('git', ['paude', 'start', name, '--detach'], world.repository, shell).code, 0);
  const asked = ask('Please make the blue commit');
  assert.is(asked.code, 0, asked.stderr);
  assert.is(world.git('pull', '-q', `paude-${name}`, 'main').code, 0);
  assert.is(world.git('log', '-1', '--format=%s').stdout, 'made by the agent\n');
  assert.is(world.paude('stop', name).code, 0);
  assert.is(world.run('git', ['paude', 'start', name, '--detach'], world.repository, shell).code, 0);
  startModel(['unused']);
  await until(
    () => inSession('sh', '-c', `curl -s -o /dev/null http://127.0.0.1:${port}; echo $?`),
    (text) => text === '0\n',
  );
  const again = ask('And what did I ask first?', '--continue');
  assert.match(again.stdout, /blue commit/, again.stderr);
});

it('no secret is in the container’s configuration, and the file is in memory', () => {
  const inspected = world.run('podman', ['container', 'inspect', `paude-${name}`]).stdout;
  const volume = world.run('podman', ['volume', 'inspect', `paude-${name}`]).stdout;
  assert.is(`${inspected}${volume}`.includes(shell.ANTHROPIC_API_KEY), false);
  assert.is(
    inSession('sh', '-c', 'tr "\\0" "\\n" < "$PAUDE_RUN/agent.env" | grep -c KEY=sk-ant').trim(),
    '1',
  );
  assert.is(inSession('stat', '-f', '-c', '%T', '/run/paude/agent.env'), 'tmpfs\n');
  assert.is(inSession('sh', '-c', `grep -rl nobodys-at-all /pvc; true`), '');
});

test.run();
