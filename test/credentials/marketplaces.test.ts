import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { claude } from '../../lib/agents/claude.ts';
import { credentialsOf, planHome } from '../../lib/credentials/credentials.ts';
import { suite } from '../harness/suite.ts';
import { hostFolder, type HostFolder } from './host-folder.ts';
import { unpack } from './unpack.ts';

const test = suite("marketplaces outside of the agent's folder");
let host: HostFolder;
test.before.each(() => void (host = hostFolder()));
test.after.each(() => host.remove());

const there = '/home/paude/.claude/plugins/marketplaces';
const texts = async () => unpack((await credentialsOf(claude, host).parcel('config')).body);
/** As the agent writes it for `claude plugin marketplace add FOLDER`. */
const known = (markets: Readonly<Record<string, string>>) => {
  const entries = Object.entries(markets).map(([name, path]) => [
    name,
    { source: { source: 'directory', path }, installLocation: path },
  ]);
  host.write('.claude/plugins/known_marketplaces.json', JSON.stringify(Object.fromEntries(entries)));
};
const market = (folder: string, plugins: readonly unknown[], metadata = {}) =>
  host.write(`${folder}/.claude-plugin/marketplace.json`, JSON.stringify({ name: 'm', plugins, metadata }));

test('what its plugins need goes beside the others, and each place that names it says so', async () => {
  const path = join(host.home, 'work/market "x"');
  known({ side: path });
  host.write(
    '.claude/settings.json',
    JSON.stringify({ extraKnownMarketplaces: { side: { source: { source: 'directory', path } } } }),
  );
  market('work/market "x"', [
    { name: 'a', source: './plug' },
    { name: 'b', source: './group/b' },
    { name: 'elsewhere', source: { source: 'github', repo: 'x/y' } },
    { name: 'evil', source: '../secrets' },
  ]);
  for (const file of ['plug/commands/c.md', 'group/b/x', 'group/c/x', '.env', 'src/index.ts', '.git/config'])
    host.write(`work/market "x"/${file}`, file);
  host.write('work/market "x"/plug/node_modules/y/z', 'x');
  host.write('work/secrets/x', 'x');
  const sent = await texts();
  const below = [...sent.keys()].filter((one) => one.includes('marketplaces/'));
  assert.equal(below.map((one) => one.replace('home/.claude/plugins/marketplaces/', '')).sort(), [
    'side/.claude-plugin/marketplace.json',
    'side/group/b/x',
    'side/plug/commands/c.md',
  ]);
  const entry = { source: { source: 'directory', path: `${there}/side` }, installLocation: `${there}/side` };
  assert.equal(JSON.parse(sent.get('home/.claude/plugins/known_marketplaces.json')!), { side: entry });
  assert.equal(JSON.parse(sent.get('home/.claude/settings.json')!), {
    extraKnownMarketplaces: { side: { source: entry.source } },
  });
});

test('plugins below a root of their own, and one that is the whole folder', async () => {
  known({ one: join(host.home, 'one'), two: join(host.home, 'two') });
  market('one', [{ name: 'a', source: 'a' }], { pluginRoot: './plugins' });
  host.write('one/plugins/a/x', 'x');
  host.write('one/other', 'x');
  market('two', [{ name: 'a', source: './' }]);
  host.write('two/commands/x', 'x');
  host.write('two/.git/config', 'x');
  const sent = [...(await texts()).keys()].filter((one) => /\/(one|two)\//.test(one));
  assert.equal(sent.map((one) => one.replace('home/.claude/plugins/marketplaces/', '')).sort(), [
    'one/.claude-plugin/marketplace.json',
    'one/plugins/a/x',
    'two/.claude-plugin/marketplace.json',
    'two/commands/x',
  ]);
});

test('one that is not here, or whose name is no folder’s, stays and is named; those of the folder are no matter', async () => {
  mkdirSync(join(host.home, 'here'));
  known({
    gone: '/nowhere/market',
    '../out': join(host.home, 'here'),
    own: join(host.home, '.claude/plugins/marketplaces/own'),
    mac: '/Users/u/.claude/plugins/marketplaces/mac',
  });
  const { staying } = await planHome(claude, host, false);
  assert.equal(
    staying.map(({ from, why }) => [from, why]),
    [
      ['/nowhere/market', 'the marketplace gone is no folder of this machine; its plugins are missing'],
      ['~/here', 'a marketplace whose name is no folder’s; its plugins are missing'],
    ],
  );
});

test.run();
