import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { suite } from '../harness/suite.ts';

const test = suite('package');
const checkout = fileURLToPath(new URL('../../', import.meta.url));
const built = (name: string) => join(checkout, 'dist', `${name}.js`);
let folder: string;

test.before(() => {
  folder = mkdtempSync(join(tmpdir(), 'paude-package-'));
});
test.after(() => rmSync(folder, { recursive: true }));

test('the package holds only what runs, and runs nothing when it is installed', () => {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const said = execFileSync('npm', args, {
    cwd: checkout,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [{ files }] = JSON.parse(said) as [{ files: { path: string }[] }];
  const paths = files.map(({ path }) => path);
  const known = /^(dist\/|man\/git-paude\.1$|(package|paude\.schema)\.json$|(LICENSE|README)(\.md)?$)/;
  assert.equal(
    paths.filter((path) => !known.test(path)),
    [],
  );
  assert.equal(
    paths.filter((path) => /\.(ts|map|test\.js)$/.test(path)),
    [],
  );
  for (const needed of ['dist/git-paude.js', 'dist/git-remote-paude.js', 'dist/image/Containerfile'])
    assert.ok(paths.includes(needed), needed);
  const described = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8'));
  assert.is(described.dependencies, undefined);
  for (const name of ['preinstall', 'install', 'postinstall', 'prepare'])
    assert.is(described.scripts[name], undefined, name);
});

test('what npm runs in a fresh clone needs nothing but Node before it has installed the rest', () => {
  for (const script of ['build', 'bench', 'cluster', 'demo', 'dependencies', 'machine', 'test']) {
    const text = readFileSync(join(checkout, `scripts/${script}.mjs`), 'utf8');
    const imported = [...text.matchAll(/^import [^']*'([^']+)'/gm)].map(([, name]) => name!);
    assert.equal(
      imported.filter((name) => !/^(node:|\.\.?\/)/.test(name)),
      [],
      script,
    );
  }
});

/** A folder with just these programs, which finds the helper and git's own programs. */
function bin(git: string): string {
  const path = mkdtempSync(join(folder, 'bin-'));
  const find = (program: string) => execFileSync('which', [program], { encoding: 'utf8' }).trim();
  for (const program of ['env', 'sh']) symlinkSync(find(program), join(path, program));
  symlinkSync(process.execPath, join(path, 'node'));
  for (const name of ['git-paude', 'git-remote-paude']) symlinkSync(built(name), join(path, name));
  writeFileSync(join(path, 'git'), `#!/bin/sh\n${git.replace('GIT', find('git'))}\n`);
  chmodSync(join(path, 'git'), 0o755);
  return path;
}

test('an old git is named, by both programs', () => {
  const path = bin('[ "$1" = version ] && echo "git version 2.30.2" && exit; exec GIT "$@"');
  const home = join(folder, 'home');
  mkdirSync(home);
  for (const args of [
    ['git-paude', 'config'],
    ['git-remote-paude', 'origin', 'paude://podman/x'],
  ]) {
    const { status, stderr } = spawnSync(join(path, args[0]!), args.slice(1), {
      cwd: folder,
      env: { PATH: path, HOME: home },
      input: 'connect git-receive-pack\n',
      encoding: 'utf8',
    });
    assert.is.not(status, 0);
    assert.match(stderr, /git-paude needs git 2\.39 or newer, and this is git version 2\.30\.2/);
    assert.match(stderr, /hint: install a newer git/);
  }
});

test('without a git there is a sentence, too', () => {
  const path = bin('');
  rmSync(join(path, 'git'));
  const { status, stderr } = spawnSync(join(path, 'git-paude'), ['config'], {
    cwd: folder,
    env: { PATH: path, HOME: folder },
    encoding: 'utf8',
  });
  assert.is(status, 1);
  assert.match(stderr, /git is not on the PATH/);
});

test.run();
