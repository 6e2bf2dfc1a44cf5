import * as assert from 'uvu/assert';
import type { Context } from '../../lib/commands/command.ts';
import { blockedLines, tellNetwork } from '../../lib/commands/network-words.ts';
import { parseLedger } from '../../lib/egress/ledger.ts';
import type { NetworkRules } from '../../lib/egress/network-rules.ts';
import { sessionName } from '../../lib/names.ts';
import type { Backend } from '../../lib/session/backend.ts';
import type { Session } from '../../lib/session/session.ts';
import { suite } from '../harness/suite.ts';
import { World } from './world.ts';

const test = suite('what is said of a network');
const name = sessionName('x');
const { signal } = new AbortController();
let world: World;

test.before.each(async () => {
  world = new World();
  await world.paude('create', 'x');
});
test.after.each(() => world.end());

const rules: NetworkRules = { agent: ['api.example.com'], allow: ['npm'], deny: [] };

/** The same session, with a way out of these rules; undefined leaves it open. */
function filteredBy(own: NetworkRules | undefined, acceptUnenforced = false): Backend {
  const withRules = (session: Session): Session => ({
    ...session,
    description: { ...session.description, ...(acceptUnenforced && { acceptUnenforced }) },
    ...(own && { egress: { image: 'proxy', rules: own } }),
  });
  return {
    ...world.backend,
    get: async (...args) => {
      const session = await world.backend.get(...args);
      return session && withRules(session);
    },
    list: async (...args) => (await world.backend.list(...args)).map(withRules),
  };
}

const kinds = [
  [undefined, false, 'open', /^the network of the session is open: nothing is filtered$/],
  [rules, false, 'filtered', undefined],
  [
    { ...rules, unenforced: true },
    false,
    'unenforced',
    /^nothing holds the session to its rules, which you accepted; the session reaches api\.example\.com, npm;/,
  ],
  [
    rules,
    true,
    'unenforced',
    /^the session reaches api\.example\.com, npm; .*; where nothing enforces that, it goes on all the same$/,
  ],
] as const;

for (const [own, accepted, word, said] of kinds) {
  const title = `${word}${accepted ? ' where that is described' : ''}`;

  test(`list has the word: ${title}`, async () => {
    const context = { backend: async () => filteredBy(own, accepted) };
    const table = await world.paudeIn(world.repository, context, 'list');
    assert.is(table.code, 0, table.stderr);
    assert.is(table.stdout.split('\t')[6], word);
    const json = await world.paudeIn(world.repository, context, 'list', '--json');
    assert.is((JSON.parse(json.stdout) as { network: string }[])[0]?.network, word);
  });

  test(`connect says it where not all is well: ${title}`, async () => {
    const told: string[] = [];
    const context = {
      backend: async () => filteredBy(own, accepted),
      report: (event) => event.type === 'notice' && told.push(event.text),
      signal,
    } as Partial<Context> as Context;
    await tellNetwork(context, world.backend.locate(name));
    assert.is(told.length, said === undefined ? 0 : 1);
    if (said !== undefined) assert.match(told[0]!, said);
  });
}

test('an open network has no rules to show or change', async () => {
  for (const flags of [[], ['--allow', 'npm'], ['--json']]) {
    const { code, stdout, stderr } = await world.paude('network', 'x', ...flags);
    assert.is(code, 1);
    assert.is(stdout, '');
    assert.match(stderr, 'the network of the session x is open: there are no rules');
    assert.match(stderr, 'git paude delete x --confirm, git paude create x');
  }
});

test('of a session that is not there, the answer has those that are', async () => {
  const { code, stderr } = await world.paude('network', 'y');
  assert.is(code, 1);
  assert.match(stderr, 'there is no session y; there are: x\n');
});

test('what was refused is told with the command that allows it, and what none allows with the reason', () => {
  const text = 'a.org 443 host 1 20\n[2001:db8::1] 443 literal 2 10\ninner.org 443 name 1 5\n';
  const blocked = parseLedger(text);
  assert.equal(blockedLines(blocked, name, 5), [
    "blocked once: a.org:443; git paude network x --allow 'a.org'",
    'blocked 2 times: [2001:db8::1]:443 (it is an address; only names can be allowed)',
    'blocked once: inner.org:443 (the name in its TLS was not that of the tunnel; no rule allows that)',
  ]);
});

test.run();
