import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as assert from 'uvu/assert';
import { suite } from '../harness/suite.ts';
import { sessionFolder, type SessionFolder } from './session-folder.ts';

const test = suite('what a session says of what was refused');
let session: SessionFolder;
test.before.each(() => void (session = sessionFolder()));
test.after.each(() => session.remove());

/** What the status line says where the proxy's ledger begins with this. */
async function said(ledger: string): Promise<string> {
  const proxy = createServer((_, response) => void response.end(`${ledger}\n`)).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  session.env['HTTPS_PROXY'] = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  try {
    return (await session.start(['blocked']).stdout.setEncoding('utf8').toArray()).join('');
  } finally {
    proxy.close();
  }
}

test('it names the command that allows a host, and where none does, the reason', async () => {
  const now = Math.floor(Date.now() / 1000);
  const command = 'blocked: git paude network x --allow';
  const reason = 'the name in its TLS was not that of the tunnel; no rule allows that';
  for (const [entry, line] of [
    ['a.org 443 host', `${command} a.org | `],
    ['http://a.org 8080 host', `${command} http://a.org:8080 | `],
    ['a.org 443 address', `${command} private:a.org | `],
    ['192.0.2.1 443 literal', 'blocked: 192.0.2.1:443 is an address; only names can be allowed | '],
    ['a.org 443 name', `blocked: a.org:443: ${reason} | `],
  ] as const)
    assert.is(await said(`${entry} 1 ${now}`), line, entry);
  assert.is(await said(`a.org 443 host 1 ${now - 4000}`), '', 'an hour ago');
});

test('tmux has room for the longest of it, for a host that is cut is another one', async () => {
  session.env['PAUDE_SESSION'] = 'x'.repeat(40);
  const line = await said(`http://${'x'.repeat(240)} 65535 address 1 ${Math.floor(Date.now() / 1000)}`);
  const conf = readFileSync(new URL('../../lib/image/files/tmux.conf', import.meta.url), 'utf8');
  const [, room] = /^set -g status-right-length (\d+)$/m.exec(conf) ?? [];
  assert.ok(Number(room) >= `${line}Ctrl+b d detaches`.length, `${room} of ${line.length}`);
});

test.run();
