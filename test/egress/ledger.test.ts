import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { hostRulesOf } from '../../lib/egress/network-rules.ts';
import { entryFor, parseLedger } from '../../lib/egress/ledger.ts';
import { proxyConfiguration } from '../../lib/egress/proxy-configuration.ts';
import { suite } from '../harness/suite.ts';

const test = suite('the ledger of a proxy');
const files = fileURLToPath(new URL('../../lib/image/proxy/files/', import.meta.url));
const noPerl = spawnSync('perl', ['-e', '1']).status === 0 ? undefined : 'there is no perl';
const it = test.skipIf(noPerl);

/**
 * Has the proxy's own ledger do what each line says: `rules` and `deny` with what is allowed and denied from then on,
 * `asked` as squid logs it, `said` with what is told to who was refused. Gives what it says in the end.
 */
function ledger(...lines: readonly string[]): { readonly text: string; readonly said: readonly string[] } {
  let allow: readonly string[] = [];
  const told = lines.map((line) => {
    const [verb, ...words] = line.split(' ');
    if (verb === 'rules') allow = words;
    if (verb !== 'rules' && verb !== 'deny') return line;
    const rules = hostRulesOf({ agent: [], allow, deny: verb === 'deny' ? words : [] });
    return `rules ${Buffer.from(proxyConfiguration(rules)).toString('base64')}`;
  });
  const script = `
    use MIME::Base64; use Ledger; use Rules;
    my $ledger = Ledger->new('x');
    while (<STDIN>) {
      my ($verb, @words) = split;
      if ($verb eq 'rules') { $ledger->allow(Rules->new(decode_base64 $words[0])) }
      elsif ($verb eq 'asked') { $ledger->note(@words) }
      else { print "said ", $ledger->sentence(@words), "\\n" }
    }
    print $ledger->text;`;
  const { stdout, stderr } = spawnSync('perl', ['-w', '-I', files, '-e', script], {
    input: told.join('\n'),
    encoding: 'utf8',
  });
  assert.is(stderr, '');
  const all = stdout.split('\n');
  return {
    text: all.filter((line) => !line.startsWith('said ')).join('\n'),
    said: all.filter((line) => line.startsWith('said ')).map((line) => line.slice(5)),
  };
}

const advice = (...lines: readonly string[]) =>
  parseLedger(ledger(...lines).text)
    .map(entryFor)
    .sort();

const tunnel = (host: string, port: number, error = 'ERR_FORWARDING_DENIED') =>
  `asked - ${host} ${port} - - ${error} CONNECT`;
const plain = (host: string, port: number, method = 'GET') =>
  `asked http ${host} ${port} - - ERR_ACCESS_DENIED ${method}`;

it('what is advised is what was asked for: in the clear, or through TLS', () => {
  assert.equal(
    advice(
      'rules a.org',
      plain('h.org', 80),
      plain('h.org', 8080),
      plain('h.org', 443),
      tunnel('t.org', 443),
      tunnel('t.org', 8443),
      tunnel('t.org', 80),
    ),
    ['h.org:80', 'http://h.org:443', 'http://h.org:8080', 'https://t.org:80', 't.org', 't.org:8443'],
  );
});

it('an allowed name with a private address is told as that, in the clear, too', () => {
  const rules = 'rules a.org http://a.org:8080 a.org:80 *.b.org:80';
  assert.equal(
    advice(
      rules,
      plain('A.org', 8080),
      plain('x.b.org.', 80),
      plain('b.org', 80),
      tunnel('a.org', 443, 'ERR_ACCESS_DENIED'),
      // No rule lets it through.
      plain('a.org', 80, 'TRACE'),
    ),
    ['b.org:80', 'private:a.org', 'private:http://a.org:8080', 'private:x.b.org.:80'],
  );
});

it('what new rules let through is forgotten, and nothing else', () => {
  const asked = [plain('h.org', 8080), tunnel('h.org', 8080), tunnel('t.org', 443), tunnel('x.w.org', 443)];
  const all = ['h.org:8080', 'http://h.org:8080', 't.org', 'x.w.org'];
  assert.equal(advice('rules a.org', ...asked), all);
  assert.equal(advice('rules a.org', ...asked, 'rules http://h.org:8080 t.org'), ['h.org:8080', 'x.w.org']);
  assert.equal(advice('rules a.org', ...asked, 'rules *.w.org', 'deny x.w.org'), all.slice(0, 3));
  assert.equal(advice('rules *.w.org', 'deny x.w.org', tunnel('x.w.org', 443)), ['x.w.org']);
  const hidden = tunnel('a.org', 443, 'ERR_ACCESS_DENIED');
  assert.equal(advice('rules a.org', hidden, 'rules a.org b.org'), ['private:a.org']);
  assert.equal(advice('rules a.org', hidden, 'rules private:a.org'), []);
});

it('of an address nothing is advised, in any notation, for only names can be allowed', () => {
  // As squid logs them.
  const addresses = [
    '1.1.1.1',
    '%5b2606:4700::1%5d',
    '16843009',
    '0x01010101',
    '0x1.1',
    '1.1.1.1.',
    'localhost',
  ];
  const { text } = ledger(
    'rules a.org',
    ...addresses.map((address) => tunnel(address, 443)),
    plain('1.1.1.1', 80),
  );
  const blocked = parseLedger(text);
  assert.equal(
    blocked.map(({ host }) => host).sort(),
    ['1.1.1.1', '1.1.1.1', ...addresses.slice(2), '[2606:4700::1]'].sort(),
  );
  assert.equal(new Set(blocked.map(({ why }) => why)), new Set(['literal']));
  assert.equal(new Set(blocked.map(entryFor)), new Set([undefined]));
  const names = ['1.1.1.1.org', '0x1.org', 'x1', '1a', 'localhost.org'];
  assert.equal(advice('rules a.org', ...names.map((host) => tunnel(host, 443))), [...names].sort());
});

it('who is refused is told the same', () => {
  const { said } = ledger(
    'rules a.org http://a.org:8080',
    'said tls b.org 443',
    'said http b.org 8080',
    'said tls a.org 443',
    'said http a.org 8080',
    'said tls [2606:4700::1] 443',
    'said http 0x7f.1 80',
  );
  const command = 'to allow it: git paude network x --allow';
  assert.equal(said, [
    `b.org:443 is not allowed in this session; ${command} b.org`,
    `b.org:8080 is not allowed in this session; ${command} http://b.org:8080`,
    `a.org:443 has a private address; ${command} private:a.org`,
    `a.org:8080 has a private address; ${command} private:http://a.org:8080`,
    '[2606:4700::1]:443 is an address; only names can be allowed',
    '0x7f.1:80 is an address; only names can be allowed',
  ]);
});

test.run();
