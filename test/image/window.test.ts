import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { claude } from '../../lib/agents/claude.ts';
import { suite } from '../harness/suite.ts';
import { until } from '../remote/git-world.ts';
import { sessionFolder, type SessionFolder } from './session-folder.ts';

const missing = spawnSync('tmux', ['-V']).status === 0 ? undefined : 'there is no tmux';
const test = suite('window');
const it = test.skipIf(missing);
let session: SessionFolder;

// Writes down how it was started, and leaves a conversation like the real one does.
const program = `#!/bin/sh
printf '%s\\n' "$PWD" "MODEL=\${ANTHROPIC_MODEL:-}" "$@" --end-- >>"$HOME/started"
mkdir -p "$HOME/.claude/projects/-pvc-workspace" && : >"$HOME/.claude/projects/-pvc-workspace/x.jsonl"
case "$* " in --continue*) if [ -e "$HOME/cannot" ]; then exit 1; fi ;; esac
echo the agent is here
read -r _
exit 3
`;

test.before.each(() => {
  session = sessionFolder({ data: claude, program });
  session.git(session.root, 'init', '-q', '-b', 'main', session.source);
});
test.after.each(() => {
  tmux('outer', 'kill-server');
  session.remove();
});

const tmux = (server: string, ...args: readonly string[]) =>
  spawnSync('tmux', ['-L', server, ...args], { env: session.env, encoding: 'utf8' }).stdout;
const inner = (...args: readonly string[]) => tmux('default', ...args).trim();
/** What the person sees, in a terminal that is a window of another tmux. */
const screen = () => tmux('outer', 'capture-pane', '-p', '-t', 'person');
const type = (...keys: readonly string[]) => tmux('outer', 'send-keys', '-t', 'person', ...keys);
const shows = (text: string) => until(`the screen shows ${text}`, () => screen().includes(text));
const started = () => {
  const file = join(session.env['HOME']!, 'started');
  return existsSync(file) ? readFileSync(file, 'utf8').split('--end--\n').slice(0, -1) : [];
};

function connect(id = 'person', term = 'xterm-256color'): void {
  const command = `unset TMUX; TERM=${term} paude-session attach ${id}; echo "ended with $?"; exec sleep 300`;
  tmux('outer', '-f', '/dev/null', 'new-session', '-d', '-s', 'person', '-x', '90', '-y', '20', command);
}

function push(): void {
  session.commit('file', `${Math.random()}`);
  const { code, stderr } = session.push('main');
  assert.is(code, 0, stderr);
}

it('with no code it says which push to make; when code lands the agent starts in that window', async () => {
  connect();
  await shows('git push paude-x HEAD');
  const pane = inner('list-panes', '-a', '-F', '#{pane_id}');
  push();
  await shows('the agent is here');
  assert.is(inner('list-panes', '-a', '-F', '#{pane_id}'), pane);
  assert.equal(started(), [`${session.workspace}\nMODEL=\n`]);
});

it('work in that shell goes on when code lands', async () => {
  connect();
  await shows('git push paude-x HEAD');
  type('bash -c "echo busy; read -r _; echo finished"', 'Enter');
  await shows('busy\n');
  push();
  assert.equal(started(), []);
  type('', 'Enter');
  await shows('finished\n');
});

it('with code the agent starts; after it a shell says how to start it again, and it goes on', async () => {
  push();
  connect();
  await shows('the agent is here');
  type('', 'Enter');
  await shows('The agent has ended (exit code 3). To start it again: start-agent');
  type('start-agent', 'Enter');
  await until('it runs again', () => started().length === 2);
  assert.match(started()[1]!, '--continue');
  assert.not.match(started()[0]!, '--continue');
});

it('where it can’t go on with its conversation, it begins a new one', async () => {
  mkdirSync(join(session.env['HOME']!, '.claude/projects/-pvc-workspace'), { recursive: true });
  writeFileSync(join(session.env['HOME']!, '.claude/projects/-pvc-workspace/x.jsonl'), '');
  writeFileSync(join(session.env['HOME']!, 'cannot'), '');
  push();
  connect();
  await shows('the agent is here');
  assert.is(started().length, 2);
  assert.match(started()[0]!, '--continue');
  assert.not.match(started()[1]!, '--continue');
});

it('its arguments, permission and environment are those of the session', async () => {
  Object.assign(session.env, { PAUDE_YOLO: '1', PAUDE_AGENT_ARGS: '--model\na "b" $HOME' });
  const environment = join(session.env['PAUDE_CREDENTIALS']!, 'login/environment');
  mkdirSync(environment, { recursive: true });
  writeFileSync(join(environment, 'ANTHROPIC_MODEL'), 'm "x" $y\nz');
  push();
  connect();
  await shows('the agent is here');
  assert.equal(started(), [
    `${session.workspace}\nMODEL=m "x" $y\nz\n--dangerously-skip-permissions\n--model\na "b" $HOME\n`,
  ]);
});

for (const term of ['there-is-none', 'dumb', "''"]) {
  it(`a terminal that is called ${term} works, and letters are whole`, async () => {
    connect('person', term);
    await shows('git push paude-x HEAD');
    type("echo grö''ße", 'Enter');
    await shows('größe');
    assert.match(screen(), /\[x\] /);
  });
}

it('detaching ends with 0, and nothing of the session ends', async () => {
  connect();
  await shows('git push paude-x HEAD');
  type('C-b');
  type('d');
  await shows('ended with 0');
  assert.match(inner('list-sessions'), /^main:/);
});

it('a client whose lease ends is dropped, and another one stays', async () => {
  connect();
  await shows('git push paude-x HEAD');
  const other = [
    '-L',
    'outer',
    'new-session',
    '-d',
    '-s',
    'other',
    'unset TMUX; paude-session attach other; sleep 300',
  ];
  spawnSync('tmux', other, { env: session.env });
  await until('both are attached', () => inner('list-clients').split('\n').length === 2);
  session.session(['lease', 'person']);
  await until('one is attached', () => inner('list-clients').split('\n').length === 1);
  await shows('ended with');
  session.session(['lease', 'other']);
  await until('none is attached', () => inner('list-clients') === '');
  assert.match(inner('list-sessions'), /^main:/);
});

test.run();
