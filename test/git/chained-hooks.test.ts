import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { isPaudeError } from '../../lib/errors.ts';
import { installHook, uninstallHook } from '../../lib/git/hooks.ts';
import { suite } from '../harness/suite.ts';
import { HookedRepository } from './hooked-repository.ts';

const test = suite('chained hooks');
let at: HookedRepository;
let folder: string;
let file: string;
test.before.each(() => {
  at = new HookedRepository();
  folder = join(at.repository, '.git/hooks');
  file = join(folder, 'post-checkout');
  mkdirSync(folder, { recursive: true });
});
test.after.each(() => at.remove());

const chain = () => installHook(at.repository, at.env, true);
/** A hook that says its name. */
const hookOf = (name: string) => `#!/bin/sh\necho ${name} >>"$HOME/theirs"\n`;
const write = (text: string, path = file) => writeFileSync(path, text, { mode: 0o755 });
const ran = () => readFileSync(join(at.root, 'theirs'), 'utf8').trim().split('\n');
const checkOut = (branch: string) =>
  assert.equal(at.git(at.repository, 'checkout', '-q', branch), { code: 0, stdout: '', stderr: '' });
const kept = () => readdirSync(folder).filter((name) => name.startsWith('post-checkout.before-git-paude'));

test('a hook that is kept already stays, beside the one that another tool has put there since', async () => {
  const before = `${file}.before-git-paude`;
  for (const [index, name] of ['a', 'b', 'c'].entries()) {
    write(hookOf(name));
    const older = index === 0 ? undefined : `${before}.${index}`;
    assert.is((await chain()).kept, older);
  }
  assert.equal(
    [`${before}.1`, `${before}.2`, before].map((path) => readFileSync(path, 'utf8')),
    ['a', 'b', 'c'].map(hookOf),
  );
  checkOut('other');
  assert.equal(ran(), ['c']);
  await uninstallHook(at.repository, at.env);
  assert.is(readFileSync(file, 'utf8'), hookOf('c'));
});

test('the same hook again, as a tool lays it anew, is kept once', async () => {
  for (let round = 0; round < 3; round++) {
    write(hookOf('a'));
    assert.is((await chain()).kept, undefined);
  }
  assert.equal(kept(), ['post-checkout.before-git-paude']);
});

test('a link to what is not there now, as on another branch, is somebody’s hook too', async () => {
  symlinkSync('../../scripts/hook', file);
  try {
    await installHook(at.repository, at.env, false);
    assert.unreachable();
  } catch (error) {
    assert.ok(isPaudeError(error, 'HOOK_FOREIGN'), String(error));
  }
  assert.ok((await chain()).chained);
  checkOut('other');
  mkdirSync(join(at.repository, 'scripts'));
  write(hookOf('a'), join(at.repository, 'scripts/hook'));
  checkOut('main');
  assert.equal(ran(), ['a']);
  await uninstallHook(at.repository, at.env);
  assert.ok(existsSync(file));
  assert.equal(kept(), []);
});

/**
 * Does as pre-commit does: the hook that is there gets another name, and is run from there by its whole path. A tool
 * that is run again and again stops in the end.
 */
function renameAsOthersDo(ending: string): void {
  renameSync(file, `${file}.${ending}`);
  const renamed = `"$(cd "$(dirname "$0")" && pwd)/post-checkout.${ending}"`;
  write(`${hookOf('tool')}[ "$(grep -c tool "$HOME/theirs")" -gt 4 ] || ${renamed} "$@"\n`);
}

for (const ending of ['legacy', 'old']) {
  test(`another tool renames it to .${ending} and runs it there: the chained hook runs under its own name`, async () => {
    write('#!/bin/sh\necho "${0##*/} $3" >>"$HOME/theirs"\nexit 3\n');
    await chain();
    renameAsOthersDo(ending);
    // git's own code for a hook that failed.
    assert.is(at.git(at.repository, 'checkout', '-q', 'other').code, 1);
    assert.equal(ran(), ['tool', 'post-checkout 1']);
    assert.equal(await at.waitForRuns(1), [`hooks run in ${at.repository}`]);
  });
}

test('chained again to the tool that runs it, it does not go round and round', async () => {
  await installHook(at.repository, at.env, false);
  renameAsOthersDo('legacy');
  await chain();
  checkOut('other');
  assert.equal(ran(), ['tool']);
  await at.waitForRuns(1);
});

test('the tool that runs it checks out another repository, where it is likewise: all of its hooks run', async () => {
  const inner = join(at.root, 'inner');
  at.git(at.root, 'clone', '-q', at.repository, inner);
  write(`#!/bin/sh\nunset GIT_DIR\ncd "$HOME/inner" && git checkout -q --detach\n`);
  await chain();
  renameAsOthersDo('legacy');
  folder = join(inner, '.git/hooks');
  file = join(folder, 'post-checkout');
  write(hookOf('inner'));
  await installHook(inner, at.env, true);
  renameAsOthersDo('legacy');
  checkOut('other');
  assert.equal(ran(), ['tool', 'tool', 'inner']);
});

test.run();
