import * as assert from 'uvu/assert';
import { folderRewriter, pathRewriter } from '../../lib/credentials/rewrite-paths.ts';
import { suite } from '../harness/suite.ts';

const test = suite('rewrite paths');
const rewrite = pathRewriter(['/data/u/claude "x"', '/mnt/real'], '.claude', '/home/paude/.claude');

for (const [from, to] of [
  ['"/home/u/.claude/plugins/cache/m/p/1.0.0"', '"/home/paude/.claude/plugins/cache/m/p/1.0.0"'],
  ['"/Users/u/.claude/plugins/cache/m/p/a/b/c/d/e"', '"/home/paude/.claude/plugins/cache/m/p/a/b/c/d/e"'],
  ['"/var/home/u/.claude/plugins"', '"/home/paude/.claude/plugins"'],
  ['"/root/.claude/x"', '"/home/paude/.claude/x"'],
  ['"/var/root/.claude/x"', '"/home/paude/.claude/x"'],
  [JSON.stringify('/data/u/claude "x"/plugins/a'), '"/home/paude/.claude/plugins/a"'],
  ['"/mnt/real"', '"/home/paude/.claude"'],
  ['{"/home/u/.claude/plugins/a":1}', '{"/home/paude/.claude/plugins/a":1}'],
  [
    '"bash /home/u/.claude/hooks/a.sh --x=/home/u/.claude/y"',
    '"bash /home/paude/.claude/hooks/a.sh --x=/home/paude/.claude/y"',
  ],
  ['"file:///home/u/.claude/a"', '"file:///home/paude/.claude/a"'],
  ['"/private/var/root/.claude/x"', '"/home/paude/.claude/x"'],
  [
    '"a;/Users/u/.claude/x>/Users/u/.claude/y&&[/home/u/.claude]|/home/u/.claude/z`/home/u/.claude`"',
    '"a;/home/paude/.claude/x>/home/paude/.claude/y&&[/home/paude/.claude]|/home/paude/.claude/z`/home/paude/.claude`"',
  ],
  [
    JSON.stringify('ls "/Users/u/.claude"\n/home/u/.claude/x\n'),
    JSON.stringify('ls "/home/paude/.claude"\n/home/paude/.claude/x\n'),
  ],
] as const) {
  test(from, () => assert.is(rewrite(from), to));
}

for (const same of [
  '"/home/u/.claude-old/x"',
  '"/home/u/work/.claude/x"',
  '"/backup/home/u/.claude/x"',
  '"/mnt/really"',
  '"~/.claude/x"',
  '"${CLAUDE_PLUGIN_ROOT}/x"',
  '"https://example.com/home/u/.claude/x"',
]) {
  test(`${same} stays as it is`, () => assert.is(rewrite(same), same));
}

test('a folder that is named with a slash at its end is the same', () => {
  const one = pathRewriter(['/data/claude/'], '.claude', '/home/paude/.claude');
  assert.is(
    one('"/data/claude/plugins" "/data/claude" "/data/claude-2"'),
    '"/home/paude/.claude/plugins" "/home/paude/.claude" "/data/claude-2"',
  );
});

test('a folder of this machine alone is known by its own names, and by no other', () => {
  const one = folderRewriter(['/work/market', '/mnt/work/market'], '/home/paude/x');
  assert.is(
    one('{"a":"/work/market","b":"/mnt/work/market/plug","c":"/work/market-2","d":"/home/u/.claude/x"}'),
    '{"a":"/home/paude/x","b":"/home/paude/x/plug","c":"/work/market-2","d":"/home/u/.claude/x"}',
  );
});

test.run();
