import * as assert from 'uvu/assert';
import { agentHosts } from '../../lib/agents/agents.ts';
import { claude } from '../../lib/agents/claude.ts';
import { isPaudeError } from '../../lib/errors.ts';
import { formatHostRule, parseHostRule } from '../../lib/egress/host-rule.ts';
import { hostGroups } from '../../lib/egress/host-groups.ts';
import { addedUp, entryFor, formatLedger, parseLedger, stillBlocked } from '../../lib/egress/ledger.ts';
import {
  changedRules,
  hostPattern,
  hostRulesOf,
  normalEntry,
  shownHosts,
  type NetworkRules,
} from '../../lib/egress/network-rules.ts';
import { proxyConfiguration } from '../../lib/egress/proxy-configuration.ts';
import { proxyEnvironment } from '../../lib/egress/proxy-environment.ts';
import { parseUpstream } from '../../lib/egress/upstream-proxy.ts';
import { formatPlan, planOf, verdictOf } from '../../lib/egress/probe.ts';
import { suite } from '../harness/suite.ts';

const test = suite('egress rules');
const rules = (allow: readonly string[], deny: readonly string[] = []) => ({ agent: [], allow, deny });

function refuses(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    assert.ok(isPaudeError(error, 'USAGE'), String(error));
    return error.message;
  }
  return assert.unreachable('it was accepted') as never;
}

test('a host has one form, however it is written', () => {
  for (const [written, form] of [
    ['Example.COM', 'example.com'],
    ['example.com.', 'example.com'],
    ['https://example.com/', 'example.com'],
    ['example.com:443', 'example.com'],
    ['example.com:8443', 'example.com:8443'],
    ['http://example.com', 'example.com:80'],
    ['example.com:80', 'example.com:80'],
    ['http://example.com:8080', 'http://example.com:8080'],
    ['https://example.com:80', 'https://example.com:80'],
    ['*.Example.com', '*.example.com'],
    ['*-api.example.com', '*-api.example.com'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['private:db.corp:5432', 'private:db.corp:5432'],
    [' NPM ', 'npm'],
  ] as const) {
    assert.is(normalEntry(written), form, written);
    assert.is(normalEntry(form), form, `${form} is its own form`);
  }
});

test('what is no host is refused', () => {
  const wrong = [
    '',
    '*',
    '*.com',
    'a.*.com',
    'exa*mple.com',
    '1.2.3.4',
    '0x7f.1',
    '2130706433',
    '[::1]',
    'localhost',
  ];
  const more = [
    'a b.com',
    'a.com/x',
    'user@a.com',
    'a.com:0',
    'a.com:70000',
    'ftp://a.com',
    '-a.com',
    'a..com',
    'a.com\nb.com',
    // Of these a URL's host is another one than it looks like.
    '%65vil.com',
    'evil.com#.github.com',
    'evil.com?.github.com',
    'evil.com\\.github.com',
    '*.evil.com#.github.com:443',
  ];
  for (const text of [...wrong, ...more])
    assert.match(
      refuses(() => parseHostRule(text)),
      "can't be allowed",
      text,
    );
});

test('every word stands for hosts in their form', () => {
  for (const host of Object.values(hostGroups).flat()) assert.is(formatHostRule(parseHostRule(host)), host);
});

test('a pattern stands for what it says, and for nothing beside', () => {
  const names = (host: string, name: string) => new RegExp(hostPattern(parseHostRule(host))).test(name);
  assert.ok(names('*.example.com', 'a.b.example.com'));
  for (const name of [
    'example.com',
    'badexample.com',
    'example.com.evil.org',
    'a.example.com.',
    'a/.example.com',
  ])
    assert.is(names('*.example.com', name), false, name);
  assert.ok(names('*-aiplatform.googleapis.com', 'us-east5-aiplatform.googleapis.com'));
  assert.is(names('*-aiplatform.googleapis.com', 'x.y-aiplatform.googleapis.com'), false);
  assert.is(names('example.com', 'exampleXcom'), false);
});

test('what is denied goes before what is allowed, also under a wildcard', () => {
  const all = (allow: readonly string[], deny: readonly string[]) => {
    const { allowed, denied } = hostRulesOf(rules(allow, deny));
    return [allowed, denied.filter(({ scheme }) => scheme === 'tls')].map((list) => list.map(formatHostRule));
  };
  assert.equal(all(['b.org', 'a.org', 'a.org'], []), [['a.org', 'b.org'], []]);
  assert.equal(all(['npm'], ['registry.yarnpkg.com']), [['registry.npmjs.org'], ['registry.yarnpkg.com']]);
  assert.equal(all(['*.a.org'], ['x.a.org']), [['*.a.org'], ['x.a.org']]);
  assert.equal(all(['x.a.org', '*.b.org'], ['*.a.org', '*.b.org']), [[], ['*.a.org', '*.b.org']]);
});

test('allowing and denying take each other back, and what would have no effect is refused', () => {
  const denied = changedRules(rules(['a.org']), { allow: [], deny: ['A.org'] });
  assert.equal(denied, rules([], ['a.org:*']));
  assert.equal(changedRules(denied, { allow: ['a.org'], deny: [] }), rules(['a.org']));
  const wide = changedRules(rules([]), { allow: [], deny: ['*.a.org'] });
  assert.match(
    refuses(() => changedRules(wide, { allow: ['x.a.org'], deny: [] })),
    '*.a.org is denied',
  );
  refuses(() => changedRules(rules([]), { allow: ['a.org'], deny: ['a.org'] }));
});

test('denied without a port, a name is closed at every port, and the last word counts', () => {
  const deny = (present: NetworkRules, ...entries: string[]) =>
    changedRules(present, { allow: [], deny: entries });
  const allow = (present: NetworkRules, ...entries: string[]) =>
    changedRules(present, { allow: entries, deny: [] });
  const reached = (present: NetworkRules) => hostRulesOf(present).allowed.map(formatHostRule);
  const agent = ['https://llm.corp:8443'];
  const present = { ...rules(['a.org', 'http://a.org:8080', 'private:a.org:5432', 'b.org']), agent };
  const denied = deny(present, 'a.org', 'llm.corp');
  assert.equal(reached(denied), ['b.org']);
  assert.equal(reached(allow(denied, 'a.org', 'llm.corp')), ['a.org', 'b.org', 'llm.corp', 'llm.corp:8443']);
  assert.equal(reached(allow(denied, 'private:a.org:5432')), ['b.org', 'private:a.org:5432']);
  assert.equal(reached(deny(allow(denied, 'private:a.org:5432'), 'private:a.org')), ['b.org']);
  assert.equal(reached(changedRules(present, { allow: ['llm.corp:8443'], deny: ['a.org', 'llm.corp'] })), [
    'b.org',
    'llm.corp:8443',
  ]);
  // With a port, just that.
  assert.equal(reached(deny(rules(['a.org', 'a.org:8443']), 'a.org:443')), ['a.org:8443']);
  assert.equal(reached(allow(deny(rules(['a.org', 'a.org:8443']), 'a.org:8443'), 'a.org')), ['a.org']);
});

test('a name that is denied without a port stays closed at a port that a later shell needs', () => {
  const denied = changedRules(rules([]), { allow: [], deny: ['llm.corp', '*.llm.corp'] });
  const agent = ['llm.corp:8443', 'http://eu.llm.corp:8080', 'other.corp:8443'];
  const { allowed } = hostRulesOf({ ...denied, agent });
  assert.equal(allowed.map(formatHostRule), ['other.corp:8443']);
});

test('patterns, on either side of what is denied at every port', () => {
  const wide = changedRules(rules(['*.x.org:8443', 'y.z.org:9000', 'npm']), {
    allow: [],
    deny: ['b.x.org', '*.z.org', 'registry.npmjs.org'],
  });
  const { allowed, denied } = hostRulesOf(wide);
  assert.equal(allowed.map(formatHostRule), ['*.x.org:8443', 'registry.yarnpkg.com']);
  // Of the pattern, all but this.
  assert.ok(denied.map(formatHostRule).includes('b.x.org:8443'));
  const again = (entry: string) => changedRules(wide, { allow: [entry], deny: [] });
  for (const [entry, over] of [
    ['y.z.org:9000', '*.z.org'],
    ['npm', 'registry.npmjs.org'],
  ] as const)
    assert.match(
      refuses(() => again(entry)),
      `${entry} stays closed: ${over} is denied`,
    );
  assert.ok(hostRulesOf(again('b.x.org:8443')).denied.every(({ host }) => host !== 'b.x.org'));
});

test('what was allowed since of a host that is denied is that scheme’s alone', () => {
  const denied = changedRules(rules([]), { allow: [], deny: ['llm.corp'] });
  const plain = changedRules(denied, { allow: ['http://llm.corp:8443'], deny: [] });
  const agent = ['llm.corp:8443'];
  const hosts = hostRulesOf({ ...plain, agent });
  assert.equal(hosts.allowed.map(formatHostRule), ['http://llm.corp:8443']);
  const text = proxyConfiguration(hosts);
  assert.match(text, 'acl http_names_8443 dstdom_regex -n -i ^llm\\.corp$');
  assert.is(/denied|tls_names/.test(text), false, text);
  const both = changedRules(plain, { allow: ['llm.corp:8443'], deny: [] });
  assert.equal(hostRulesOf(both).allowed.map(formatHostRule), ['http://llm.corp:8443', 'llm.corp:8443']);
  // With a port, in TLS and in the clear: of a pattern, all but that.
  const patterns = rules(['*.a.org:8443', 'http://*.a.org:8443', 'http://x.a.org:8443']);
  const one = hostRulesOf(changedRules(patterns, { allow: [], deny: ['x.a.org:8443'] }));
  assert.equal(one.allowed.map(formatHostRule), ['*.a.org:8443', 'http://*.a.org:8443']);
  for (const scheme of ['tls', 'http'])
    assert.match(proxyConfiguration(one), `acl ${scheme}_denied_8443 dstdom_regex -n -i ^x\\.a\\.org$`);
});

test('a host that may be private is the same host', () => {
  for (const [allow, deny] of [
    ['private:a.org', 'a.org'],
    ['private:a.org', 'a.org:443'],
    ['private:a.org:8443', 'a.org:8443'],
    ['a.org:8443', 'private:a.org:8443'],
    ['a.org', 'A.org:*'],
  ] as const)
    assert.match(
      refuses(() => changedRules(rules([]), { allow: [allow], deny: [deny] })),
      'is both allowed and denied',
      `${allow}, ${deny}`,
    );
  const words: NetworkRules = rules(['private:a.org:8443', 'private:registry.npmjs.org']);
  const denied = changedRules(words, { allow: [], deny: ['a.org:8443', 'npm'] });
  assert.equal(denied.allow, []);
  const again = changedRules(denied, { allow: ['a.org:8443', 'npm'], deny: [] });
  assert.is(hostRulesOf(again).allowed.length, 3);
  assert.equal(
    hostRulesOf(again).allowed.filter(({ isPrivate }) => isPrivate),
    [],
  );
});

test('a denial at every port can be given as it is shown', () => {
  const denied = changedRules(rules(['a.org', 'a.org:8443']), { allow: [], deny: ['A.org:*', '*.b.org:*'] });
  assert.equal(denied, rules([], ['*.b.org:*', 'a.org:*']));
  assert.equal(shownHosts('a.org:*'), ['a.org:*']);
  assert.equal(changedRules(denied, { allow: ['a.org:*', '*.b.org:*'], deny: [] }), rules([]));
  assert.match(
    refuses(() => changedRules(rules([]), { allow: ['a.org:*'], deny: [] })),
    'a.org is not denied at every port',
  );
  refuses(() => changedRules(rules([]), { allow: [], deny: ['http://a.org:*'] }));
  refuses(() => normalEntry('a.org:*'));
});

test('the configuration is the same for the same rules, and has no name in it that is not allowed', () => {
  const text = proxyConfiguration(hostRulesOf(rules(['b.org:8443', 'a.org', 'http://c.org'], ['x.a.org'])));
  assert.is(
    text,
    proxyConfiguration(hostRulesOf(rules(['http://c.org', 'a.org', 'b.org:8443'], ['x.a.org']))),
  );
  assert.match(text, 'acl tls_names_443 dstdom_regex -n -i ^a\\.org$');
  assert.match(text, 'acl tls_names_8443 dstdom_regex -n -i ^b\\.org$');
  assert.match(text, 'acl http_names_80 dstdom_regex -n -i ^c\\.org$');
  assert.match(text, '!tls_denied_443');
  assert.match(proxyConfiguration(hostRulesOf(rules([]))), 'acl tls_ok any-of !all');
  assert.ok(text.split('\n').every((line) => line.length < 400));
});

test('the agent’s hosts follow its provider, and where its API is', () => {
  const of = (env: NodeJS.ProcessEnv) => agentHosts(claude, env);
  assert.ok(of({}).includes('api.anthropic.com'));
  assert.is(
    of({}).some((host) => host.includes('googleapis')),
    false,
  );
  const vertex = of({ CLAUDE_CODE_USE_VERTEX: '1' });
  assert.ok(vertex.includes('*-aiplatform.googleapis.com') && vertex.includes('oauth2.googleapis.com'));
  assert.is(
    vertex.some((host) => host === '*.googleapis.com' || host.includes('anthropic')),
    false,
  );
  assert.ok(of({ CLAUDE_CODE_USE_VERTEX: '0' }).includes('api.anthropic.com'));
  assert.ok(
    of({ ANTHROPIC_BASE_URL: 'https://llm.corp.example:8443/x' }).includes('https://llm.corp.example:8443'),
  );
  assert.ok(of({ ANTHROPIC_BASE_URL: 'http://llm.corp.example' }).includes('http://llm.corp.example:80'));
  // Without it the agent does not work: it is what a start tries.
  assert.is(of({ ANTHROPIC_BASE_URL: 'https://llm.corp' })[0], 'https://llm.corp:443');
  for (const local of ['http://127.0.0.1:4', 'http://localhost:4', 'http://[::1]:4'])
    assert.equal(of({ ANTHROPIC_BASE_URL: local }), of({}));
  for (const [variable, url, address] of [
    ['ANTHROPIC_BASE_URL', 'http://10.0.0.5:8080/v1', '10.0.0.5'],
    ['ANTHROPIC_VERTEX_BASE_URL', 'https://[fd00::7]', 'fd00::7'],
  ] as const)
    assert.match(
      refuses(() => of({ [variable]: url })),
      `${variable} names the address ${address}`,
    );
  assert.equal(of({ ANTHROPIC_BASE_URL: 'http://localhost.:4' }), of({}));
  for (const url of [
    'llm.corp:8443',
    'llm.corp',
    'llm.corp/v1',
    'ftp://llm.corp',
    'https://a(b).corp',
    'https://a.corp:0',
  ])
    assert.match(
      refuses(() => of({ ANTHROPIC_BASE_URL: url })),
      /^ANTHROPIC_BASE_URL is no URL /,
      url,
    );
  // A password in it is for nobody's screen.
  const message = refuses(() => of({ ANTHROPIC_BASE_URL: 'me:secret@llm.corp' }));
  assert.not.match(message, 'secret');
});

test('programs find the proxy in both cases, and not for what is local', () => {
  const env = proxyEnvironment('10.1.2.3');
  for (const name of ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'])
    assert.is(env[name], 'http://10.1.2.3:3128');
  assert.match(env['no_proxy']!, '127.0.0.1');
  assert.is(proxyEnvironment('fd00::7')['https_proxy'], 'http://[fd00::7]:3128');
});

test('a password of an upstream proxy is not part of what is kept', () => {
  const { url, login, proxy } = parseUpstream('http://me:p%40ss@proxy.corp:8080/');
  assert.equal(
    [url, login, proxy.host, proxy.port],
    ['http://proxy.corp:8080', 'me:p@ss', 'proxy.corp', 8080],
  );
  const message = refuses(() => parseUpstream('ftp://me:secret@proxy.corp'));
  assert.is(message.includes('secret'), false);
});

test('a stray % in the login to an upstream proxy is told of as that, without the password', () => {
  for (const login of ['me:se%cret', 'm%e:secret', 'me:secret%', 'me:secret%ff']) {
    const message = refuses(() => parseUpstream(`http://${login}@proxy.corp:8080`));
    assert.match(message, '%');
    assert.is(/se%?cret/.test(message), false, message);
  }
  assert.is(parseUpstream('http://me:100%25@proxy.corp:8080').login, 'me:100%');
});

test('a password without a user is a login, and one that can’t be sent is refused, without the password', () => {
  assert.is(parseUpstream('http://:secret@proxy.corp:8080').login, ':secret');
  assert.is(parseUpstream('http://me@proxy.corp:8080').login, 'me:');
  for (const login of ['*:secret', 'NEGOTIATE:secret', 'm%3Ae:secret', 'me:secret%0a', 'me:%00secret'])
    assert.not.match(
      refuses(() => parseUpstream(`http://${login}@proxy.corp:8080`)),
      'secret',
      login,
    );
  // squid would not start with it.
  assert.match(
    refuses(() => parseUpstream('http://proxy.corp:0')),
    'not a URL such as',
  );
});

test('a ledger is kept as text, adds up, has a bound, and forgets what was allowed since', () => {
  const kept = parseLedger('b.x.org 443 host 3 20\na.x.org 443 host 1 10\na.x.org 443 address 1 10\n');
  assert.equal(parseLedger(formatLedger(kept)), kept);
  const all = addedUp(kept, parseLedger('a.x.org 443 host 2 30\n'));
  assert.equal(formatLedger(all).split('\n'), [
    'a.x.org 443 host 3 30',
    'b.x.org 443 host 3 20',
    'a.x.org 443 address 1 10',
  ]);
  const many = Array.from({ length: 500 }, (_, index) => `h${index}.org 443 host 1 ${9000 - index}\n`);
  const few = formatLedger(parseLedger(many.join(''))).split('\n');
  assert.equal([few.length, few[0]], [50, 'h0.org 443 host 1 9000']);
  // What it says is told on terminals, in commands to paste.
  assert.equal(
    parseLedger("a.org';id;' 443 host 1 9\na.org$(id) 443 host 1 9\n\u202ea.org 443 host 1 9\n"),
    [],
  );
  assert.is(parseLedger('a?b.org 443 host 1 9\n[2001:db8::1] 443 literal 1 9\n').length, 2);
  const rules = { agent: ['*.x.org'], allow: [], deny: ['b.x.org'] };
  assert.is(
    formatLedger(stillBlocked(all, hostRulesOf(rules))),
    'b.x.org 443 host 3 20\na.x.org 443 address 1 10',
  );
  assert.is(
    formatLedger(stillBlocked(all, hostRulesOf({ ...rules, allow: ['private:a.x.org'] }))),
    'b.x.org 443 host 3 20',
  );
  const plain = parseLedger('http://h.org 8080 host 1 10\nh.org 8080 host 1 9\nh.org 80 host 1 8');
  assert.equal(plain.map(entryFor), ['http://h.org:8080', 'h.org:8080', 'h.org:80']);
  assert.equal(parseLedger(formatLedger(addedUp([], plain))), plain);
  const still = (allow: string) =>
    stillBlocked(plain, hostRulesOf({ agent: [], allow: [allow], deny: [] })).map(entryFor);
  assert.equal(still('h.org:8080'), ['http://h.org:8080', 'h.org:80']);
  assert.equal(still('http://h.org:8080'), ['h.org:8080', 'h.org:80']);
  // No rule lets a name through in another's tunnel.
  const inside = parseLedger('inner.org 443 name 1 10');
  assert.equal(inside.map(entryFor), [undefined]);
  assert.equal(stillBlocked(inside, hostRulesOf({ agent: [], allow: ['inner.org'], deny: [] })), inside);
  const apart = { agent: ['h.org:8080'], allow: ['http://h.org:8080'], deny: ['h.org:*'] };
  assert.equal(stillBlocked(plain, hostRulesOf(apart)).map(entryFor), ['h.org:8080', 'h.org:80']);
});

test('the proxy’s ledger is read, and what is not of its form is left out', () => {
  const [one, ...more] = parseLedger(
    'evil.org 443 host 3 1795556471\nx\n\u001b[2J 1 host 1 z\na b 443 host 1 1\n',
  );
  assert.equal(more, []);
  assert.equal([one?.host, one?.count, one?.last.toISOString()], ['evil.org', 3, '2026-11-24T21:41:11.000Z']);
  assert.is(entryFor({ ...one!, why: 'address', port: 8443 }), 'private:evil.org:8443');
});

test('without the guarded port there is no plan, and what was not answered is not proved', () => {
  const allowed = parseHostRule('http://a.org:8080');
  assert.is(planOf('metadata 169.254.169.254 80\n', allowed), undefined);
  const plan = planOf('guarded 10.0.0.1 3130\ndns 10.0.0.2 53\nnonsense\nnode ; 1\n', allowed)!;
  assert.equal(formatPlan(plan).trim().split('\n'), [
    '0 tcp 10.0.0.1 3130',
    '1 udp 10.0.0.2 53',
    '2 tcp 10.0.0.2 53',
    'refused proxy-refuses probe.git-paude.invalid 443',
    'allowed proxy-reaches a.org 8080 http',
  ]);
  const good = '0 ok\n1 ok\n2 ok\nrefused ok\nallowed ok\n';
  assert.equal(verdictOf(plan, good), { open: [] });
  assert.is(verdictOf(plan, good.replace('1 ok', '1 open')).open.length, 1);
  assert.match(verdictOf(plan, good.replace('0 ok\n', '')).open[0]!, '10.0.0.1 port 3130');
  assert.is(
    verdictOf(plan, good.replace('refused ok', 'refused failed it lets through')).proxy,
    'it lets through',
  );
  assert.is(
    verdictOf(plan, good.replace('allowed ok', 'allowed failed DNS')).unreachable,
    'http://a.org:8080: DNS',
  );
  assert.is(verdictOf(plan, '').open.length, 3);
  const node = 'node open fe80::1%eth0 port 10250\n';
  assert.equal(verdictOf(plan, good + node).open, ['its node (fe80::1%eth0 port 10250)']);
});

test.run();
