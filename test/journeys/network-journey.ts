import type { ChildProcess } from 'node:child_process';
import * as assert from 'uvu/assert';
import type { Suite } from '../harness/suite.ts';
import type { Outside } from '../outside/outside.ts';
import type { Ground } from './ground.ts';
import { PersonTerminal } from './person-terminal.ts';
import { until, World } from './world.ts';

const key = { ANTHROPIC_API_KEY: 'sk-ant-a-key-that-is-nobodys-at-all' };

/** What a person sees of a session's network: the agent at work, what is refused, and the rules as they change. */
export function networkJourney(test: Suite, ground: Ground, open: () => Outside): void {
  const it = test.skipIf(ground.skip);
  let outside: Outside;
  let world: World;
  let name: string;
  let shell: Readonly<Record<string, string>>;
  let [first, second, third] = ['', '', ''];

  test.before(() => {
    if (ground.skip !== undefined) return;
    outside = open();
    [first, second, third] = [outside.name('first'), outside.name('second'), outside.name('third')];
    const { CONTAINERS_CONF } = outside.env;
    const env = CONTAINERS_CONF === undefined ? ground.env : { ...ground.env, CONTAINERS_CONF };
    world = new World({ ...ground, env });
    name = world.session('net');
    shell = { ...key, ANTHROPIC_BASE_URL: `https://${outside.name('api')}` };
  });
  test.after(() => {
    if (ground.skip !== undefined) return;
    world?.end();
    outside?.end();
  });

  const paude = (...args: string[]) => world.run('git', ['paude', ...args], world.repository, shell);
  const inSession = (...command: string[]) => paude('exec', name, '--', ...command);
  const get = (host: string) => inSession('curl', '-sS', '-D', '-', `https://${host}/who`).stdout;
  const rules = () => JSON.parse(paude('network', name, '--json').stdout) as Record<string, unknown>;

  /** A download that goes on until it is closed. */
  function download(host: string): { lines: () => number; child: ChildProcess } {
    let lines = 0;
    const args = ['paude', 'exec', name, '--', 'curl', '-sSN', `https://${host}/stream`];
    const child = world.start('git', args, shell);
    child.stdout!.on('data', (data: Buffer) => (lines += data.toString().split('\n').length - 1));
    return { lines: () => lines, child };
  }

  it('the agent works through the proxy with a model on a name, and nothing else is open', async () => {
    const created = paude('create', name);
    assert.is(created.code, 0, created.stderr);
    assert.is(world.git('push', '-q', `paude-${name}`, 'main').code, 0);
    // What the agent needs comes from the shell that starts it.
    const started = paude('start', name, '--detach');
    assert.is(started.code, 0, started.stderr);
    const commit = 'echo agent > made && git add made && git commit -qm "made by the agent"';
    const use = { name: 'Bash', input: { command: commit, description: 'x' } };
    await outside.startModel([use, 'It is done.']);
    const asked = inSession('claude', '-p', 'Please make the blue commit', '--dangerously-skip-permissions');
    assert.is(asked.code, 0, asked.stderr);
    assert.match(asked.stdout, 'It is done.');
    assert.is(world.git('pull', '-q', `paude-${name}`, 'main').code, 0);
    assert.is(world.git('log', '-1', '--format=%s').stdout, 'made by the agent\n');
    assert.match(
      outside.asked(),
      new RegExp(`asked ${outside.name('api')} POST /v1/messages\\S* claude-cli`),
    );
    const { reaches, allow, deny } = rules();
    assert.ok((reaches as string[]).includes(outside.name('api')), String(reaches));
    assert.equal([allow, deny], [[], []]);
    const straight = ['curl', '-sS', '--noproxy', '*', '--max-time', '3'];
    const { address } = outside.surroundings;
    assert.is.not(inSession(...straight, '-k', `https://${address}/who`).code, 0);
    assert.match(get(first), 'HTTP/1.1 403');
  });

  it('on a terminal: the agent answers, the status line says what was refused, and so does the end', async () => {
    await outside.startModel(['The model says hello.']);
    const terminal = new PersonTerminal(world, `git paude connect ${name}`, shell);
    try {
      await until(terminal.screen, (text) => /Claude Code/.test(text));
      terminal.keys('-l', 'the purple question');
      await until(terminal.screen, (text) => text.includes('the purple question'));
      terminal.keys('Enter');
      await until(terminal.screen, (text) => text.includes('The model says hello.'));
      assert.match(get(third), 'HTTP/1.1 403');
      const command = `git paude network ${name} --allow ${third}`;
      await until(terminal.screen, (text) => text.includes(`blocked: ${command} |`));
      terminal.keys('C-b', 'd');
      const said = await until(terminal.screen, (text) => /ended with \d/.test(text));
      assert.match(said, 'ended with 0');
      const unwrapped = said.replaceAll('\n', '');
      assert.match(unwrapped, `blocked once: ${third}:443; git paude network ${name} --allow '${third}'`);
    } finally {
      terminal.end();
    }
  });

  it('the table and the lists tell what was refused, and the command that they name allows it', async () => {
    assert.match(inSession('curl', '-sSv', 'https://192.0.2.1/').stderr, 'only names can be allowed');
    const table = paude('network', name).stdout;
    assert.match(table, new RegExp(`^${outside.name('api')}\tallowed\tthe agent needs it$`, 'm'));
    assert.match(table, new RegExp(`^${third}:443\t1\t\\S+ ago\t--allow '${third}'$`, 'm'));
    const reason = 'it is an address; only names can be allowed';
    assert.match(table, new RegExp(`^192\\.0\\.2\\.1:443 \\(${reason}\\)\t1\t\\S+ ago\t-$`, 'm'));
    const listed = JSON.parse(paude('list', '--json').stdout) as { name: string; blocked: object[] }[];
    const blocked = listed.find((session) => session.name === name)?.blocked;
    const { last, ...entry } = blocked?.find((one) => 'host' in one && one.host === third) as Record<
      string,
      unknown
    >;
    assert.equal(entry, { host: third, port: 443, scheme: 'tls', why: 'host', count: 1 });
    assert.ok(Date.now() - Date.parse(String(last)) < 600_000, String(last));
    assert.equal((rules()['blocked'] as object[]).length, blocked?.length);
    assert.is(paude('network', name, '--allow', third).code, 0);
    assert.match(get(third), `reached ${third}`);
    assert.is(paude('network', name).stdout.includes(`${third}:443`), false);
  });

  it('a running session is changed: nothing else breaks, and of what is denied no tunnel stays open', async () => {
    const opened = paude('network', name, '--allow', first, '--allow', second);
    assert.is(opened.code, 0, opened.stderr);
    const [one, two] = [download(first), download(second)];
    const ended = new Promise<number | null>((resolve) => two.child.once('exit', resolve));
    await until(
      () => Math.min(one.lines(), two.lines()),
      (lines) => lines > 2,
    );
    const denied = paude('network', name, '--deny', second);
    assert.match(denied.stderr, `denied: ${second}`);
    assert.is.not(await ended, 0);
    assert.match(get(second), 'HTTP/1.1 403');
    const before = one.lines();
    await until(one.lines, (lines) => lines > before + 5);
    one.child.kill('SIGINT');
  });

  it('a stopped session shows what it was refused, is changed, and starts with what was said', () => {
    assert.is(paude('stop', name).code, 0);
    assert.match(paude('network', name).stdout, new RegExp(`^${second}:443\t1\t`, 'm'));
    const changed = paude('network', name, '--allow', second, '--deny', third);
    assert.is(changed.code, 0, changed.stderr);
    const started = paude('start', name, '--detach');
    assert.is(started.code, 0, started.stderr);
    assert.match(get(second), `reached ${second}`);
    assert.match(get(third), 'HTTP/1.1 403');
    assert.equal([rules()['allow'], rules()['deny']], [[first, second].sort(), [`${third}:*`]]);
  });

  it('what makes no sense changes nothing, and says what does', () => {
    const before = rules();
    for (const [flags, said] of [
      [['--allow', '198.51.100.2'], /only names can be allowed/],
      [['--allow', first, '--deny', first], /is both allowed and denied/],
      [['--allow', '*.com'], /would stand for all of \.com/],
    ] as const) {
      const refused = paude('network', name, ...flags);
      assert.is(refused.code, 2, refused.stderr);
      assert.match(refused.stderr, said);
    }
    assert.equal(rules()['allow'], before['allow']);
    assert.equal(rules()['deny'], before['deny']);
  });
}
