// What a clone brings is data. The programs are started inside it: cosmiconfig looks around in the current folder.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { suite } from '../harness/suite.ts';

const test = suite('a clone');
const program = (name: string) => fileURLToPath(new URL(`../../bin/${name}.ts`, import.meta.url));
const tsx = import.meta.resolve('tsx');
const runs = { PAUDE_RAN: '', HOME: '', XDG_CONFIG_HOME: '' };
let folder = '';

test.before(() => {
  folder = mkdtempSync(join(tmpdir(), 'paude-clone-'));
  runs.PAUDE_RAN = join(folder, 'ran');
  runs.HOME = join(folder, 'home');
  mkdirSync(runs.PAUDE_RAN);
});
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** Every place where cosmiconfig 9 would look for code: as itself, for its own options, for a tool named paude. */
const scripts = ['.pauderc', '.config/pauderc', '.paude.config', 'paude.config', '.config/config'].flatMap(
  (name) => ['.js', '.cjs', '.mjs', '.ts'].map((extension) => name + extension),
);

function clone(type: 'commonjs' | 'module', settings: string, meta: object = {}): string {
  const top = mkdtempSync(join(folder, 'clone-'));
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(top, path)), { recursive: true });
    writeFileSync(join(top, path), text);
  };
  for (const path of [...scripts, 'evil.cjs', 'evil.mjs']) {
    const leave = `writeFileSync(process.env.PAUDE_RAN + '/' + ${JSON.stringify(path.replaceAll('/', '_'))}, '')`;
    const isModule = type === 'module' ? !path.endsWith('.cjs') : path.endsWith('.mjs');
    write(
      path,
      `${isModule ? "import { writeFileSync } from 'node:fs'" : "const { writeFileSync } = require('node:fs')"};\n${leave};\n`,
    );
  }
  write('package.json', JSON.stringify({ type, ...meta }));
  write('.paude.json', settings);
  spawnSync('git', ['init', '--quiet', top]);
  return top;
}

function config(cwd: string) {
  const env = { ...process.env, ...runs };
  const args = ['--import', tsx, program('git-paude'), 'config'];
  return spawnSync(process.execPath, args, { cwd, env, encoding: 'utf8', timeout: 60_000 });
}

for (const type of ['commonjs', 'module'] as const) {
  test(`none of its scripts ever runs (${type})`, () => {
    const { status, stdout, stderr } = config(clone(type, '{"memory": "3Gi"}'));
    assert.is(status, 0, stderr);
    assert.match(stdout, '3Gi', 'its settings were read');
    assert.equal(readdirSync(runs.PAUDE_RAN), []);
  });
}

test('options for cosmiconfig in its package.json, and a broken one, change nothing', () => {
  for (const cosmiconfig of [{ searchPlaces: ['evil.cjs'] }, { loaders: {} }, { searchStrategy: 'global' }]) {
    const { status, stderr } = config(clone('commonjs', '{}', { cosmiconfig }));
    assert.is(status, 0, stderr);
  }
  const top = clone('commonjs', '{}');
  writeFileSync(join(top, 'package.json'), '{ broken');
  assert.is(config(top).status, 0);
  assert.equal(readdirSync(runs.PAUDE_RAN), []);
});

test('$import names no script that would run', () => {
  for (const script of ['./evil.cjs', './evil.mjs']) {
    const { status, stderr } = config(clone('commonjs', JSON.stringify({ $import: script })));
    assert.is(status, 1);
    assert.match(stderr, 'no setting "$import"');
  }
  assert.equal(readdirSync(runs.PAUDE_RAN), []);
});

test('a push out of it runs nothing, and stops where consent is needed', () => {
  const top = clone('commonjs', '{"yolo": true}');
  const programs = join(folder, 'programs');
  mkdirSync(programs);
  const helper = `exec '${process.execPath}' --import '${tsx}' '${program('git-remote-paude')}' "$@"`;
  const podman = 'echo "Error: no such container" >&2; exit 125';
  for (const [name, body] of Object.entries({ 'git-remote-paude': helper, podman })) {
    writeFileSync(join(programs, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  }
  const git = (...args: readonly string[]) => {
    const identity = ['-c', 'user.name=n', '-c', 'user.email=e@example.org'];
    const env = { ...process.env, ...runs, PATH: `${programs}${delimiter}${process.env['PATH']}` };
    return spawnSync('git', [...identity, ...args], { cwd: top, env, encoding: 'utf8', timeout: 60_000 });
  };
  assert.is(git('commit', '--quiet', '--allow-empty', '--message=x').status, 0);
  const { status, stderr } = git('push', 'paude://podman/paude-test-nosuch', 'HEAD:main');
  assert.is.not(status, 0);
  assert.match(stderr, 'needs your consent: yolo');
  assert.match(stderr, 'git paude trust');
  assert.equal(readdirSync(runs.PAUDE_RAN), []);
});

test.run();
