import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as assert from 'uvu/assert';
import type { Suite } from '../harness/suite.ts';
import type { Ground } from './ground.ts';
import { until, World } from './world.ts';

/** How long a client may be silent in the session of this journey; seconds. One that lives is heard every 15 s. */
const silence = 30;

/** A program of each package manager: from the registries, allowed by name, or from sources that were pushed. */
const fromRegistries = [
  'npm install -g --silent semver@7.7.3',
  'pip install --quiet --user --disable-pip-version-check cowsay==6.1',
  'cargo install --quiet --version 0.1.0 hello_cargo',
];
const fromSources = [
  'npm install -g --silent "$(npm pack --silent ./semver)"',
  'cd cowsay && python3 -m zipfile -c /tmp/cowsay-6.1-py3-none-any.whl cowsay.py cowsay-6.1.dist-info && ' +
    'pip install --quiet --user --no-index /tmp/cowsay-6.1-py3-none-any.whl',
  'cargo install --quiet --offline --path hello_cargo',
];
const sources = {
  'semver/package.json': '{ "name": "semver", "version": "7.7.3", "bin": "semver.js" }',
  'semver/semver.js': '#!/usr/bin/env node\nconsole.log(process.argv[2]);\n',
  'cowsay/cowsay.py': 'def main():\n    print("moo")\n',
  'cowsay/cowsay-6.1.dist-info/METADATA': 'Metadata-Version: 2.1\nName: cowsay\nVersion: 6.1\n',
  'cowsay/cowsay-6.1.dist-info/WHEEL': 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
  'cowsay/cowsay-6.1.dist-info/entry_points.txt': '[console_scripts]\ncowsay = cowsay:main\n',
  'cowsay/cowsay-6.1.dist-info/RECORD': '',
  'hello_cargo/Cargo.toml': '[package]\nname = "hello_cargo"\nversion = "0.1.0"\n',
  'hello_cargo/src/main.rs': 'fn main() {}\n',
};

/** A repository that brings its own tools, the same wherever the sessions run. */
export function toolsJourney(test: Suite, ground: Ground): void {
  const it = test.skipIf(ground.skip);
  let world: World;
  let name: string;

  test.before(() => {
    if (ground.skip !== undefined) return;
    world = new World(ground);
    name = world.session('tools');
  });
  test.after(() => {
    if (ground.skip === undefined) world.end();
  });

  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(world.repository, path)), { recursive: true });
    writeFileSync(join(world.repository, path), text);
  };
  const settings = (value: object) => write('.paude.json', JSON.stringify(value));
  const inSession = (script: string) => world.paude('exec', name, '--', 'sh', '-c', script);

  it('a containerfile whose step fails is shown with what it said, and nothing is made', () => {
    write('.paude/Containerfile', 'FROM session\nRUN echo "there is no such tool" >&2 && exit 3\n');
    settings({ containerfile: '.paude/Containerfile' });
    assert.match(world.paude('create', name).stderr, /needs your consent: containerfile/);
    assert.is(world.paude('trust').code, 0);
    const failed = world.paude('create', name);
    assert.is(failed.code, 1);
    assert.match(failed.stderr, /there is no such tool/);
    assert.is(world.paude('list').stdout.includes(name), false);
  });

  it('packages and a containerfile bring a repository’s own tools, once they are trusted', () => {
    write(
      '.paude/Containerfile',
      `FROM session\nUSER root\nRUN echo ours > /etc/our-tool\nUSER 1000:0\nENV PAUDE_SILENCE=${silence}\n`,
    );
    settings({ containerfile: '.paude/Containerfile', packages: ['cargo', 'sl'] });
    const refused = world.paude('create', name);
    assert.is(refused.code, 1);
    assert.match(refused.stderr, /needs your consent: packages, containerfile/);
    assert.match(world.paude('trust', '--show').stdout, /RUN echo ours > \/etc\/our-tool/);
    assert.is(world.paude('trust').code, 0);
    const created = world.paude(
      'create',
      name,
      ...['npm', 'pypi', 'crates'].map((word) => `--allow=${word}`),
    );
    assert.is(created.code, 0, created.stderr);
    assert.is(world.paude('start', name, '--detach').code, 0);
    assert.is(
      inSession('cat /etc/our-tool; test -x /usr/games/sl; echo $?; id -u').stdout,
      'ours\n0\n1000\n',
    );
  });

  it('npm, pip and cargo install without root, while a client that fell silent is taken for gone', async () => {
    const alive = world.start('git', ['paude', 'exec', name, '--', 'sleep', '1111']);
    const silent = world.start('git', ['paude', 'exec', name, '--', 'sleep', '2222']);
    const running = () => inSession('pgrep -a -x sleep').stdout;
    await until(running, (text) => text.includes('1111') && text.includes('2222'));
    const client = processesOf(silent.pid!);
    for (const pid of client) process.kill(pid, 'SIGSTOP');
    try {
      for (const command of ground.hasRegistries ? fromRegistries : pushedSources()) {
        const done = inSession(command);
        assert.is(done.code, 0, `${command}\n${done.stdout}${done.stderr}`);
      }
      await until(running, (text) => !text.includes('2222'));
      await until(leases, (count) => count === 1);
      assert.match(running(), /1111/);
    } finally {
      for (const pid of client) process.kill(pid, 'SIGKILL');
      alive.kill('SIGINT');
    }
    await until(running, (text) => !text.includes('1111'));
  });

  it('what they installed outlives a stop', () => {
    assert.is(world.paude('stop', name).code, 0);
    assert.is(world.paude('start', name, '--detach').code, 0);
    assert.is(inSession('semver 1.2.3').stdout, '1.2.3\n');
    assert.match(inSession('cowsay -t moo').stdout, /moo/);
    assert.is(inSession('hello_cargo').code, 0);
  });

  function pushedSources(): readonly string[] {
    for (const [path, text] of Object.entries(sources)) write(path, text);
    world.commit('more', '');
    assert.is(world.git('push', '-q', `paude-${name}`, 'main').code, 0);
    return fromSources;
  }

  /** How many commands are leased in the session, but for the question: it is written down before it begins. */
  function leases(): number {
    return Number(inSession('ls /run/paude/leases | grep -vc "[.]"').stdout) - 1;
  }
}

/** A process of this machine with all below it. */
function processesOf(pid: number): readonly number[] {
  const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' });
  const children = stdout
    .trim()
    .split(/\s+/)
    .filter((one) => one !== '')
    .map(Number);
  return [pid, ...children.flatMap(processesOf)];
}
