import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import type { Suite } from '../harness/suite.ts';
import type { Ground } from './ground.ts';
import { PersonTerminal } from './person-terminal.ts';
import { until, World } from './world.ts';

const model = readFileSync(fileURLToPath(new URL('../harness/model.mjs', import.meta.url)));
const port = 41415;

/** What the agent needs from the shell. Only the model is stood in for; it runs inside the session. */
const shell = {
  ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}`,
  ANTHROPIC_API_KEY: 'sk-ant-a-key-that-is-nobodys-at-all',
};

/** What a person does on a terminal, the same wherever the sessions run. */
export function terminalJourney(test: Suite, ground: Ground): void {
  const it = test.skipIf(ground.skip);
  let world: World;
  let name: string;
  let terminal: PersonTerminal | undefined;

  test.before(() => {
    if (ground.skip !== undefined) return;
    world = new World(ground);
    name = world.session('term');
  });
  test.after(() => {
    if (ground.skip !== undefined) return;
    terminal?.end();
    world.end();
  });

  /** A person's terminal, in which she connects; where that ended well, it shows how the terminal was left. */
  function connect(environment = ''): PersonTerminal {
    terminal?.end();
    terminal = new PersonTerminal(
      world,
      `${environment} git paude connect ${name} && stty -a`,
      shell,
      [100, 30],
    );
    return terminal;
  }

  const inSession = (...command: string[]) => world.paude('exec', name, '--', ...command).stdout;
  const typed = () => inSession('sh', '-c', 'cat ~/.claude/history.jsonl');
  const clients = () => inSession('tmux', 'list-clients', '-F', '#{client_width}x#{client_height}');

  async function left(person: PersonTerminal): Promise<void> {
    person.detach();
    await until(person.screen, (text) => /ended with 0/.test(text));
  }

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
    const { screen } = connect();
    await until(screen, (text) => text.includes(`git push paude-${name}`) && text.includes(`[${name}]`));
    assert.is(world.git('push', '-q', `paude-${name}`, 'main').code, 0);
    await until(screen, (text) => /Claude Code/.test(text));
  });

  it('it is resized with the terminal, detaches, and leaves the terminal as it was', async () => {
    const { screen } = terminal!;
    terminal!.resize(80, 24);
    await until(clients, (text) => text === '80x24\n');
    terminal!.detach();
    const text = await until(screen, (shown) => /ended with \d/.test(shown));
    assert.match(text, /ended with 0/);
    assert.match(text, / icanon/);
    assert.match(text, / echo /);
    assert.is(clients(), '');
  });

  it('a terminal of a kind that the session does not know works, too', async () => {
    const person = connect('TERM=of-no-kind');
    await until(person.screen, (text) => /Claude Code/.test(text));
    assert.is(inSession('tmux', 'list-clients', '-F', '#{client_termname}'), 'xterm-256color\n');
    await left(person);
  });

  it('a program that is killed is dropped, too, and does not hold the size of the window', async () => {
    connect();
    await until(clients, (text) => text === '100x30\n');
    const programs = world.run('pgrep', ['-f', `^node .*git-paude connect ${name}$`], '/').stdout;
    for (const pid of programs.trim().split('\n')) process.kill(Number(pid), 'SIGKILL');
    await until(clients, (text) => text === '');
    const person = connect();
    person.resize(70, 20);
    const size = () => inSession('tmux', 'list-windows', '-F', '#{window_width}x#{window_height}');
    // One line is tmux's own.
    await until(size, (text) => text === '70x19\n');
    await left(person);
  });

  it('a terminal that vanishes is dropped, and a new one finds everything as it was', async () => {
    const vanishing = connect();
    await until(clients, (text) => text === '100x30\n');
    vanishing.end();
    await until(clients, (text) => text === '');
    const person = connect();
    await until(person.screen, (text) => /Claude Code/.test(text));
    await left(person);
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

  it('what was typed to the agent and to the shell is there after a stop', async () => {
    const person = connect();
    await until(person.screen, (text) => /Claude Code/.test(text));
    person.keys('-l', 'the purple question');
    await until(person.screen, (text) => text.includes('the purple question'));
    person.keys('Enter');
    await until(typed, (text) => text.includes('the purple question'));
    person.end();
    inSession('bash', '-ic', 'history -s "the green command"; history -a');
    assert.is(world.paude('stop', name).code, 0);
    assert.is(world.run('git', ['paude', 'start', name, '--detach'], world.repository, shell).code, 0);
    assert.match(typed(), /the purple question/);
    assert.match(inSession('bash', '-ic', 'history -r; history'), /the green command/);
  });

  it('no secret is in what is stored of the session, and the file is in memory', () => {
    assert.is(ground.configuration(name).includes(shell.ANTHROPIC_API_KEY), false);
    const key = '/credentials/login/keys/ANTHROPIC_API_KEY';
    assert.is(inSession('cat', key), shell.ANTHROPIC_API_KEY);
    assert.is(inSession('stat', '-f', '-c', '%T', key), 'tmpfs\n');
    assert.is(inSession('sh', '-c', `grep -rl nobodys-at-all /pvc; true`), '');
  });
}
