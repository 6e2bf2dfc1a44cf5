import { once } from 'node:events';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { suite } from '../harness/suite.ts';
import { sessionFolder, type SessionFolder } from './session-folder.ts';

const test = suite('the marks of a probe');
let session: SessionFolder;
const servers: Server[] = [];
test.before.each(() => void (session = sessionFolder()));
test.after.each(() => {
  for (const server of servers.splice(0)) server.close();
  session.remove();
});

/** A server that says this to whoever comes; gives its port. */
async function saying(text: string): Promise<number> {
  const server = createServer((socket) => void socket.on('error', () => undefined).end(text));
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

async function probe(closed: number, ...how: string[]): Promise<readonly string[]> {
  const far = session.start(['probe', '0', ...how]);
  far.stdin.end(`0 tcp 127.0.0.1 ${closed}\nrefused proxy-refuses probe.git-paude.invalid 443\n`);
  far.stdout.resume();
  await once(far, 'close');
  return readdirSync(session.run).filter((name) => name !== 'ready');
}

test('what was proved once is not, when another look finds it open', async () => {
  session.env['HTTPS_PROXY'] = `http://127.0.0.1:${await saying('HTTP/1.1 403 Forbidden\r\n\r\n')}`;
  const open = await saying('');
  const proved = join(session.run, 'proved');
  writeFileSync(proved, '');
  assert.equal(await probe(open), []);
  writeFileSync(proved, '');
  assert.equal(await probe(open, 'accepted'), ['accepted']);
});

test('nor when its proxy lets through what it must not', async () => {
  session.env['HTTPS_PROXY'] = `http://127.0.0.1:${await saying('HTTP/1.1 200 OK\r\n\r\n')}`;
  writeFileSync(join(session.run, 'proved'), '');
  // Port 1 is nobody's.
  assert.equal(await probe(1), []);
});

test('what is reached is seen however long its machine does not let it look', async () => {
  session.env['HTTPS_PROXY'] = `http://127.0.0.1:${await saying('HTTP/1.1 403 Forbidden\r\n\r\n')}`;
  // A clock by which each step of the program takes half a second, as with a hundredth of a processor.
  mkdirSync(join(session.run, 'Time'));
  const clock =
    'package Time::HiRes; my $now = time; sub time { $now += 0.5 } sub sleep {} sub import { no strict "refs"; *{caller() . "::$_"} = \\&$_ for "time", "sleep" } 1;';
  writeFileSync(join(session.run, 'Time', 'HiRes.pm'), clock);
  session.env['PERL5LIB'] = session.run;
  assert.equal(await probe(await saying('')), ['Time']);
});

test.run();
