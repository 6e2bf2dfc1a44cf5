import { cpSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { installHook } from '../../lib/git/hooks.ts';
import { suite } from '../harness/suite.ts';
import { HookedRepository } from './hooked-repository.ts';

const test = suite('the commands of git that run the hook');
let at: HookedRepository;
test.before.each(async () => {
  at = new HookedRepository();
  // What pull and rebase have to do: a branch with a commit that main has not.
  at.git(at.repository, 'checkout', '-q', '-b', 'topic', 'other');
  writeFileSync(join(at.repository, 'more'), 'x');
  at.git(at.repository, 'add', '.');
  at.git(at.repository, 'commit', '-qm', 'more');
  at.git(at.repository, 'remote', 'add', 'local', at.repository);
  at.env['GIT_ALLOW_PROTOCOL'] = 'file';
  await installHook(at.repository, at.env, false);
});
test.after.each(() => at.remove());

/** Whether it refreshes after these; each must succeed. */
const commands: readonly (readonly [refreshes: boolean, ...(readonly string[])[]])[] = [
  [true, ['checkout', 'main']],
  [true, ['checkout', '-b', 'new']],
  [true, ['checkout', '--detach', 'main']],
  [true, ['checkout', '--orphan', 'empty']],
  [true, ['switch', 'main']],
  [true, ['switch', '-c', 'new']],
  [true, ['worktree', 'add', '../linked', 'main']],
  [true, ['checkout', 'main'], ['checkout', '-']],
  [false, ['checkout', 'main', '--', 'file']],
  [false, ['restore', '--source', 'main', 'file']],
  [false, ['reset', '--hard', 'main']],
  [false, ['merge', '-m', 'x', 'main']],
  [false, ['cherry-pick', 'main']],
  [false, ['revert', '--no-edit', 'HEAD']],
  [false, ['commit', '--amend', '--no-edit']],
  [false, ['fetch', 'local', 'main']],
  [false, ['pull', '--no-rebase', '--no-edit', 'local', 'main']],
  [false, ['rm', 'more'], ['stash'], ['stash', 'pop']],
  [false, ['branch', 'new']],
  [false, ['submodule', 'add', './', 'sub']],
];
for (const [refreshes, ...lines] of commands) {
  const title = lines.map((args) => `git ${args.join(' ')}`).join(', ');
  test(`${title}: ${refreshes ? 'refreshes' : 'nothing'}`, async () => {
    for (const args of lines) {
      const done = at.git(at.repository, ...args);
      assert.is(done.code, 0, done.stderr);
    }
    await at.quiet();
    assert.is(at.runs().length, refreshes ? 1 : 0);
  });
}

test('a rebase of many steps, also by pull, never fails or prints with it, and refreshes once at most', async () => {
  for (const args of [
    ['rebase', '-q', 'main'],
    ['reset', '-q', '--hard', 'ORIG_HEAD'],
    ['pull', '-q', '--rebase', 'local', 'main'],
  ])
    assert.equal(at.git(at.repository, ...args), { code: 0, stdout: '', stderr: '' });
  await at.quiet();
  assert.ok(at.runs().length <= 1);
});

test('a clone with the hook from the user’s own template runs nothing, whatever the clone brings along', async () => {
  writeFileSync(join(at.repository, '.paude.json'), '{"backend":"podman","openshift-context":"evil"}');
  writeFileSync(
    join(at.repository, '.gitmodules'),
    '[submodule "s"]\n\tpath = s\n\turl = paude://podman/x\n',
  );
  at.git(at.repository, 'add', '.');
  at.git(at.repository, 'commit', '-qm', 'hostile');
  const template = join(at.root, 'template');
  cpSync(join(at.repository, '.git/hooks'), join(template, 'hooks'), { recursive: true });
  const folder = join(at.root, 'clone');
  assert.is(at.git(at.root, 'clone', '-q', '--template', template, at.repository, folder).code, 0);
  assert.ok(existsSync(join(folder, '.git/hooks/post-checkout')));
  assert.is(at.git(folder, 'checkout', '-q', '-b', 'new').code, 0);
  await at.quiet();
  assert.equal(at.runs(), []);
});

test.run();
