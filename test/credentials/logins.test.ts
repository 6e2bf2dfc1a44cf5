import { chmodSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import * as assert from 'uvu/assert';
import { claude } from '../../lib/agents/claude.ts';
import { readKeychain } from '../../lib/credentials/keychain.ts';
import { missingLogin } from '../../lib/credentials/logins.ts';
import { credentialsOf, planHome } from '../../lib/credentials/credentials.ts';
import { suite } from '../harness/suite.ts';
import { hostFolder, type HostFolder } from './host-folder.ts';
import { unpack } from './unpack.ts';

const test = suite('logins');
const now = new Date('2026-11-24T12:00:00Z');
let host: HostFolder;
test.before.each(() => void (host = hostFolder()));
test.after.each(() => host.remove());

const login = (expiresAt: number, more = {}) =>
  JSON.stringify({ claudeAiOauth: { accessToken: 'a', refreshToken: 'r', expiresAt, ...more } });
const hours = (count: number) => now.getTime() + count * 3_600_000;

test('without any, each place is named with what mends it', async () => {
  const error = await missingLogin(claude, host, now);
  assert.is(error?.code, 'LOGIN_MISSING');
  for (const place of [
    '$ANTHROPIC_API_KEY: not set; export',
    '$ANTHROPIC_AUTH_TOKEN: not set',
    '$CLAUDE_CODE_OAUTH_TOKEN: not set',
    '~/.claude/.credentials.json: not there; run claude',
    '~/.config/gcloud/application_default_credentials.json: not there; run gcloud auth application-default login',
  ])
    assert.match(error!.message, place);
  assert.match(error!.hint!, '--no-sync');
  const of = await credentialsOf(claude, host, { session: 'fix-auth' }).missingLogin();
  assert.match(of!.hint!, 'git paude connect fix-auth --no-sync');
});

const ways: Readonly<Record<string, () => void>> = {
  'a key of the shell': () => void (host.env['ANTHROPIC_API_KEY'] = 'k'),
  'a token of the shell': () => void (host.env['CLAUDE_CODE_OAUTH_TOKEN'] = 'k'),
  'the agent’s own login': () => host.write('.claude/.credentials.json', login(hours(1))),
  'application-default credentials': () =>
    host.write('.config/gcloud/application_default_credentials.json', '{"type":"authorized_user"}'),
  'a file that GOOGLE_APPLICATION_CREDENTIALS names': () =>
    void (host.env['GOOGLE_APPLICATION_CREDENTIALS'] = host.write('k.json', '{}')),
  'a key among the preferences': () => host.write('.claude.json', '{"primaryApiKey":"k"}'),
  'a key among the settings': () => host.write('.claude/settings.json', '{"env":{"ANTHROPIC_API_KEY":"k"}}'),
  'a proxy that logs in itself': () => void (host.env['CLAUDE_CODE_SKIP_VERTEX_AUTH'] = '1'),
};
for (const [name, provide] of Object.entries(ways)) {
  test(`${name} is a login`, async () => {
    provide();
    assert.is(await missingLogin(claude, host, now), undefined);
  });
}

const linked: Readonly<Record<string, () => string>> = {
  'a file that GOOGLE_APPLICATION_CREDENTIALS names': () =>
    (host.env['GOOGLE_APPLICATION_CREDENTIALS'] = join(host.home, 'run/key.json')),
  'the preferences': () => join(host.home, '.claude.json'),
};
for (const [name, place] of Object.entries(linked)) {
  test(`${name} may be a link, as for what is sent`, async () => {
    const path = place();
    mkdirSync(dirname(path), { recursive: true });
    // As Kubernetes mounts a secret: a link by way of a folder that is one.
    host.write('vault/1/key', '{"primaryApiKey":"k"}');
    symlinkSync('1', join(host.home, 'vault/data'));
    symlinkSync(join(host.home, 'vault/data/key'), path);
    assert.is(await missingLogin(claude, host, now), undefined);
    const { going } = await planHome(claude, host, false);
    const real = join(host.home, 'vault/1/key');
    assert.ok(going.some(({ source }) => source.type === 'file' && source.path === real));
    rmSync(real);
    assert.is((await missingLogin(claude, host, now))?.code, 'LOGIN_MISSING');
  });
}

test('a link in a folder is a login where it does not leave it, as for what is sent', async () => {
  const at = '.config/gcloud/application_default_credentials.json';
  host.write('.config/gcloud/work.json', '{}');
  host.write('elsewhere.json', '{}');
  symlinkSync('work.json', join(host.home, at));
  assert.is(await missingLogin(claude, host, now), undefined);
  rmSync(join(host.home, at));
  symlinkSync('../../elsewhere.json', join(host.home, at));
  const { message } = (await missingLogin(claude, host, now))!;
  assert.match(message, `~/${at}: a link that leaves the folder; run gcloud`);
});

test('what can’t be read is not called missing', async () => {
  const path = join(host.home, 'x'.repeat(300));
  host.env['GOOGLE_APPLICATION_CREDENTIALS'] = path;
  host.write('.claude/.credentials.json', '{"claudeAiOauth":');
  const { message } = (await missingLogin(claude, host, now))!;
  assert.match(message, `${'x'.repeat(300)}: it can't be read (ENAMETOOLONG); run gcloud`);
  assert.match(message, '~/.claude/.credentials.json: it is no JSON object; run claude');
  const { incomplete, body } = await credentialsOf(claude, host).parcel('tokens');
  assert.is(incomplete, true);
  assert.match(unpack(body).get('keep')!, 'home/.config/gcloud/google-application-credentials.json\0');
});

test('one that has expired is none, and it is said since when', async () => {
  host.write('.claude/.credentials.json', login(hours(-1)));
  const error = await missingLogin(claude, host, now);
  assert.match(error!.message, 'expired at 2026-11-24T11:00:00.000Z; run claude once');
});

test('what is no login is not quoted', async () => {
  host.write('.claude/.credentials.json', 'sk-secret');
  host.write('.claude.json', 'sk-secret');
  host.write('.config/gcloud/application_default_credentials.json', 'sk-secret');
  assert.not.match((await missingLogin(claude, host, now))!.message, 'sk-secret');
});

test('macOS’s keychain has it under the agent’s name, with another folder under another one', async () => {
  const mac = hostFolder('darwin');
  try {
    const error = await missingLogin(claude, mac, now);
    assert.match(error!.message, "the keychain's Claude Code-credentials: not there");
    mac.secrets.set('Claude Code-credentials', login(hours(1)));
    assert.is(await missingLogin(claude, mac, now), undefined);
    const { body } = await credentialsOf(claude, mac).parcel('tokens');
    assert.equal(JSON.parse(unpack(body).get('home/.claude/.credentials.json')!), {
      claudeAiOauth: { accessToken: 'a', expiresAt: hours(1) },
    });
    mac.env['CLAUDE_CONFIG_DIR'] = '/else';
    assert.match(
      (await missingLogin(claude, mac, now))!.message,
      /Claude Code-credentials-[0-9a-f]{8}: not there/,
    );
  } finally {
    mac.remove();
  }
});

test('of several accounts in the keychain, the agent’s own is asked for', async () => {
  const mac = hostFolder('darwin');
  try {
    for (const [user, account] of [
      ['u.1', 'u.1'],
      ['CORP\\u', 'claude-code-user'],
      ['', userInfo().username],
    ]) {
      mac.env['USER'] = user;
      await credentialsOf(claude, mac).parcel('tokens');
      assert.is(mac.account, account);
      delete mac.account;
      await credentialsOf(claude, mac).missingLogin();
      assert.is(mac.account, account);
    }
  } finally {
    mac.remove();
  }
});

test('a keychain that refuses is not one without a login: the session keeps what it has, and it is said', async () => {
  const mac = hostFolder('darwin');
  try {
    mac.secrets.set('Claude Code-credentials', login(hours(1)));
    mac.locked = 'User interaction is not allowed.';
    const parcel = await credentialsOf(claude, mac).parcel('tokens');
    assert.is(parcel.incomplete, true);
    assert.equal([...unpack(parcel.body)], [['keep', 'home/.claude/.credentials.json\0']]);
    const refusal = "it can't be read (User interaction is not allowed.)";
    assert.equal(parcel.notices, [
      `the keychain's Claude Code-credentials stays: ${refusal}; the session's old copy stays`,
    ]);
    assert.match(
      (await missingLogin(claude, mac, now))!.message,
      `the keychain's Claude Code-credentials: ${refusal}; run security unlock-keychain, or claude in a terminal of this Mac`,
    );
    // The agent writes this file where it can't use the keychain.
    mac.write('.claude/.credentials.json', login(hours(2)));
    assert.is(await missingLogin(claude, mac, now), undefined);
    const { incomplete, body } = await credentialsOf(claude, mac).parcel('tokens');
    assert.is(incomplete, false);
    assert.match(unpack(body).get('home/.claude/.credentials.json')!, String(hours(2)));
  } finally {
    mac.remove();
  }
});

test('only what security(1) says it could not find is not there', async () => {
  const says = (script: string) => {
    host.write('security', `#!/bin/sh\n${script}\n`);
    chmodSync(join(host.home, 'security'), 0o755);
    return readKeychain('x', 'u', { PATH: `${host.home}:/usr/bin:/bin` });
  };
  const search = 'security: SecKeychainSearchCopyNext:';
  assert.equal(await says('echo "$*"'), { type: 'secret', text: 'find-generic-password -a u -s x -w' });
  const none = 'The specified item could not be found in the keychain.';
  assert.equal(await says(`echo '${search} ${none}' >&2; exit 44`), { type: 'none' });
  const locked = 'User interaction is not allowed.';
  assert.equal(await says(`echo '${search} ${locked}' >&2; exit 36`), { type: 'refused', why: locked });
  assert.equal(await says('exit 128'), { type: 'refused', why: 'security: 128' });
  const nowhere = await readKeychain('x', 'u', { PATH: join(host.home, 'none') });
  assert.equal(nowhere, { type: 'refused', why: 'security: ENOENT' });
});

test('a session is told of no end but its own: the access token’s, from the file or the keychain', async () => {
  assert.is(await credentialsOf(claude, host).loginEnds(), undefined);
  host.write('.claude/.credentials.json', login(hours(1)));
  assert.equal(await credentialsOf(claude, host).loginEnds(), new Date(hours(1)));
  const mac = hostFolder('darwin');
  mac.secrets.set('Claude Code-credentials', login(hours(2)));
  assert.equal(await credentialsOf(claude, mac).loginEnds(), new Date(hours(2)));
  mac.remove();
});

test.run();
