import * as assert from 'uvu/assert';
import { claude } from '../../lib/agents/claude.ts';
import { missingLogin } from '../../lib/credentials/logins.ts';
import { credentialsOf } from '../../lib/credentials/credentials.ts';
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
    const { body } = await credentialsOf(claude, mac).parcel('login');
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
