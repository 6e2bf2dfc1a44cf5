import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { isPaudeError, PaudeError } from '../../lib/errors.ts';
import { sessionName } from '../../lib/names.ts';
import { askSession } from '../../lib/session/ask-session.ts';
import type { Backend, Terminal } from '../../lib/session/backend.ts';
import { receiverOf } from '../../lib/session/bring-credentials.ts';
import { connectSession, type ConnectPorts } from '../../lib/session/connect-session.ts';
import type { Credentials } from '../../lib/session/credentials.ts';
import type { Report } from '../../lib/session/events.ts';
import { startSession } from '../../lib/session/start-session.ts';
import { untilNextLook, usualPace } from '../../lib/session/keep-fresh.ts';
import { syncCredentials, type Scope } from '../../lib/session/sync-credentials.ts';
import { directoryBackend, type DirectoryBackend } from '../backends/directory.ts';
import { handMade } from '../credentials/hand-made.ts';
import { noNetwork } from '../harness/no-network.ts';
import { suite } from '../harness/suite.ts';

const test = suite('bring credentials');
const name = sessionName('x');
const description = { agent: 'claude', agentArgs: [], packages: [], yolo: false, allowNetwork: false };
const never = new AbortController().signal;
const credentials = handMade({ 'home/login': 'one' }, { 'home/config': 'one' });
const missing = new PaudeError('LOGIN_MISSING', 'there is no login');
let root: string;
let directory: DirectoryBackend;

test.before.each(async () => {
  root = await mkdtemp(join(tmpdir(), 'paude-bring-'));
  directory = directoryBackend(root);
  await directory.create({ name, image: 'none', description }, () => undefined, never);
});
test.after.each(async () => {
  await directory.remove(name, never);
  await rm(root, { recursive: true, force: true });
});

/** Counts what is opened, and where. */
function counting(backend: Backend, opened: string[]): Backend {
  return {
    ...backend,
    open: (session, command, signal, role) => {
      opened.push(`${role ?? 'session'}: ${command.slice(0, 2).join(' ')}`);
      return backend.open(session, command, signal, role);
    },
  };
}
const ports = (backend: Backend, own: Credentials | undefined = credentials): ConnectPorts => ({
  ...noNetwork,
  backend,
  ensureImage: async () => 'none',
  credentials: own === undefined ? undefined : async () => own,
});
const inHome = (path: string) => readFile(join(root, name, 'home', path), 'utf8');
const quiet = () => undefined;

test('with nothing changed, one command is asked, and no byte of a credential goes', async () => {
  await startSession(ports(directory), name, quiet, never);
  const opened: string[] = [];
  const { synced } = await startSession(ports(counting(directory, opened)), name, quiet, never);
  assert.is(synced?.outcome, 'same');
  assert.equal(opened, ['session: paude-session credentials']);
});

test('the first time after a start everything goes, and after that what lives shortly', async () => {
  const opened: string[] = [];
  await startSession(ports(counting(directory, opened)), name, quiet, never);
  assert.equal([await inHome('login'), await inHome('config')], ['one', 'one']);
  assert.equal(opened.sort(), ['credentials: paude-session land', 'session: paude-session credentials']);
  const next = handMade({ 'home/login': 'two' }, { 'home/config': 'two' });
  await startSession(ports(directory, next), name, quiet, never);
  assert.equal([await inHome('login'), await inHome('config')], ['two', 'one']);
  await directory.stop(name, never);
  await startSession(ports(directory, next), name, quiet, never);
  assert.equal([await inHome('login'), await inHome('config')], ['two', 'two']);
});

test('into another’s session nothing goes, and it is said', async () => {
  const opened: string[] = [];
  const others: Backend = { ...counting(directory, opened), whoami: async () => 'somebody else' };
  const said: string[] = [];
  const { synced } = await startSession(
    ports(others),
    name,
    (event) => event.type === 'notice' && said.push(event.text),
    never,
  );
  assert.is(synced, undefined);
  assert.equal(opened, []);
  assert.equal(said, ["the session x is test's: nothing of your credentials is sent there"]);
});

test('without sending, nothing is asked; the session hears of it, so that the next push brings nothing', async () => {
  const opened: string[] = [];
  const backend: Backend = {
    ...counting(directory, opened),
    whoami: async () => {
      throw new Error('nobody needs to know');
    },
  };
  await startSession({ ...ports(backend), credentials: undefined }, name, quiet, never);
  assert.equal(opened, ['session: paude-session credentials']);
  const command = ['paude-session', 'serve', 'receive-pack', '-'];
  const push = { role: 'session', command, input: '\n0000' } as const;
  assert.match(await askSession(directory, name, push, never), /^paude ready 1\n/);
});

test('without a login, connect starts nothing and says so; start goes on, and says so', async () => {
  const without: Credentials = { ...credentials, missingLogin: async () => missing };
  const failed = await connectSession(ports(directory, without), name, {} as Terminal, quiet, never).catch(
    (error: unknown) => error,
  );
  assert.is(failed, missing);
  assert.is((await directory.get(name, never))?.state, 'created');
  const said: string[] = [];
  await startSession(
    ports(directory, without),
    name,
    (event) => event.type === 'notice' && said.push(event.text),
    never,
  );
  assert.equal(said, ['there is no login']);
  assert.is(await inHome('login'), 'one');
});

test('a login is looked for where somebody is told of it only: the hook and a push ask no keychain for that', async () => {
  const missingLogin = () => Promise.reject(new Error('it was looked for'));
  const asked: Credentials = { ...credentials, missingLogin };
  const { session } = await receiverOf(ports(directory, asked), name, quiet, never);
  assert.is(session.location.name, name);
  let times = 0;
  const counted: Credentials = { ...credentials, missingLogin: async () => void times++ };
  const backend: Backend = { ...directory, attach: async () => 0 };
  assert.is(await connectSession(ports(backend, counted), name, {} as Terminal, quiet, never), 0);
  assert.is(times, 1, 'and a connect asks once');
});

test('a failed sync stops connect with what failed, and is not taken for done', async () => {
  await startSession(ports(directory), name, quiet, never);
  const next = handMade({ 'home/login': 'two' }, {});
  const broken: Credentials = {
    ...next,
    // Cut on its way.
    parcel: async (part) => {
      const parcel = await next.parcel(part);
      return { ...parcel, body: parcel.body.subarray(0, 700) };
    },
  };
  let attached = false;
  const backend: Backend = { ...directory, attach: async () => ((attached = true), 0) };
  const failed = await connectSession(ports(backend, broken), name, {} as Terminal, quiet, never).catch(
    (error: unknown) => error,
  );
  assert.ok(isPaudeError(failed, 'SYNC_FAILED'), String(failed));
  assert.is(attached, false);
  assert.is(await inHome('login'), 'one');
  assert.is(
    (await syncCredentials({ backend: directory, credentials: next }, name, 'login', quiet, never)).outcome,
    'sent',
  );
});

const day = 86_400_000;
for (const [title, pace, ends] of [
  ['', { usually: 20, nearItsEnd: day, near: 0 }, undefined],
  [', and at once where the old one is about to end', { usually: day, nearItsEnd: 20, near: 60_000 }, 30_000],
] as const)
  test(`while connected, a login that changes at home is sent${title}, and one that does not is not`, async () => {
    let text = 'one';
    const changing: Credentials = {
      ...credentials,
      loginEnds: async () => (ends === undefined ? undefined : new Date(Date.now() + ends)),
      parcel: (part) => handMade({ 'home/login': text }, { 'home/config': 'c' }).parcel(part),
    };
    const opened: string[] = [];
    const backend: Backend = {
      ...counting(directory, opened),
      // The person is there until the new one has arrived.
      attach: async () => {
        text = 'two';
        const end = Date.now() + 20_000;
        while ((await inHome('login')) !== 'two' && Date.now() < end)
          await new Promise((resolve) => setTimeout(resolve, 10));
        return 0;
      },
    };
    const code = await connectSession(
      { ...ports(backend, changing), pace },
      name,
      {} as Terminal,
      quiet,
      never,
    );
    assert.is(code, 0);
    assert.is(await inHome('login'), 'two');
    // At the start, and once more.
    assert.is(opened.filter((row) => row === 'credentials: paude-session land').length, 2);
  });

test('a login is looked at as its end says', () => {
  const now = new Date('2026-11-25T12:00:00Z');
  const next = (minutes: number | undefined) => {
    const ends = minutes === undefined ? undefined : new Date(now.getTime() + minutes * 60_000);
    return untilNextLook(ends, now, usualPace) / 1000;
  };
  assert.equal([undefined, 60, 5.5, 4, -4, -60].map(next), [60, 60, 30, 5, 5, 60]);
});

test('what could not be read whole is told, and sent again the next time', async () => {
  const partly: Credentials = {
    ...credentials,
    parcel: async (part) => ({
      ...(await credentials.parcel(part)),
      incomplete: part === 'tokens',
      notices: [`${part} is not whole`],
    }),
  };
  const said: string[] = [];
  const sync = () =>
    syncCredentials(
      { backend: directory, credentials: partly },
      name,
      'login',
      (event) => event.type === 'notice' && said.push(event.text),
      never,
    );
  for await (const _ of directory.start(name, never)) void _;
  assert.is((await sync()).outcome, 'incomplete');
  assert.equal(said, ['login is not whole', 'tokens is not whole', 'config is not whole']);
  assert.is((await sync()).outcome, 'incomplete');
});

test('a configuration that was not whole is sent again only where it is another one by now, or all is asked for', async () => {
  let [reading, now] = [0, credentials];
  const partly: Credentials = {
    ...credentials,
    parcel: async (part) => {
      if (part === 'config') reading++;
      return {
        ...(await now.parcel(part)),
        incomplete: part === 'config',
        notices: [`${part} is not whole`],
      };
    },
  };
  const said: string[] = [];
  const sync = async (scope: Scope) => {
    const report: Report = (event) => void (event.type === 'notice' && said.push(event.text));
    const { outcome } = await syncCredentials(
      { backend: directory, credentials: partly },
      name,
      scope,
      report,
      never,
    );
    return [outcome, said.splice(0).join(), reading];
  };
  for await (const _ of directory.start(name, never)) void _;
  assert.equal(await sync('everything'), [
    'incomplete',
    'login is not whole,tokens is not whole,config is not whole',
    1,
  ]);
  assert.equal(await sync('login'), ['same', '', 2]);
  now = handMade({ 'home/login': 'one' }, { 'home/config': 'two' });
  assert.equal(await sync('login'), ['incomplete', 'config is not whole', 3]);
  assert.equal(await sync('everything'), ['incomplete', 'config is not whole', 4]);
});

test('what the hook would have to know can’t be written down: the session has its credentials, and that is said', async () => {
  const notices: string[] = [];
  const brought = async () => {
    throw Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS' });
  };
  const { synced } = await startSession(
    ports(directory, { ...credentials, brought }),
    name,
    (event) => event.type === 'notice' && notices.push(event.text),
    never,
  );
  assert.equal([synced?.outcome, await inHome('login')], ['sent', 'one']);
  assert.match(notices.join(), /is not remembered for the hook of git paude: EROFS/);
});

test('a session that does not run is not started by a sync', async () => {
  const failed = await syncCredentials(
    { backend: directory, credentials },
    name,
    'login',
    quiet,
    never,
  ).catch((error: unknown) => error);
  assert.ok(isPaudeError(failed, 'SESSION_STOPPED'), String(failed));
  assert.not.ok(existsSync(join(root, name, 'home/login')));
});

test.run();
