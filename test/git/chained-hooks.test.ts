import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
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

test.run();
