import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as assert from 'uvu/assert';
import { askHelper } from '../../lib/backends/credential-helper.ts';
import { isPaudeError } from '../../lib/errors.ts';
import { findLogin, loginFiles } from '../../lib/image/find-login.ts';
import { suite } from '../harness/suite.ts';

const test = suite('find login');
const signal = new AbortController().signal;
const home = mkdtempSync(join(tmpdir(), 'paude-login-'));
const env = { HOME: home, PATH: `${join(home, 'bin')}:${process.env['PATH']}` };
const podmans = join(home, '.config/containers/auth.json');
const dockers = join(home, '.docker/config.json');
const files = [podmans, dockers];
const ask = (name: string, registry: string, either: AbortSignal) => askHelper(name, registry, env, either);
const find = (host: string, name: string) => findLogin(host, name, { files, askHelper: ask }, signal);
const auth = (pair: string) => ({ auth: Buffer.from(pair).toString('base64') });

function write(path: string, content: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o755 });
}

/** A credential helper as Docker's protocol has it: the registry comes on standard input. */
function helper(name: string, script: string): void {
  write(join(home, 'bin', `docker-credential-${name}`), `#!/bin/sh\nread registry\n${script}\n`);
}

test.before.each(() => {
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home);
});
test.after(() => rmSync(home, { recursive: true, force: true }));

test('where logins are kept, the one that is named alone if there is one', () => {
  assert.equal(loginFiles({ REGISTRY_AUTH_FILE: '/a' }, '/h', 1000), ['/a']);
  const found = loginFiles({ XDG_RUNTIME_DIR: '/run/user/1000', DOCKER_CONFIG: '/d' }, '/h', 1000);
  assert.is(found[0], '/run/user/1000/containers/auth.json');
  assert.equal(found.slice(-2), ['/h/.config/containers/auth.json', '/d/config.json']);
});

test('the nearest key counts, and a password may have a colon in it', async () => {
  write(podmans, { auths: { 'quay.io': auth('a:1'), 'quay.io/me': auth('b:2:3') } });
  assert.equal(await find('quay.io', 'me/paude-session'), {
    key: 'quay.io/me',
    login: { kind: 'password', username: 'b', password: '2:3' },
  });
  assert.is((await find('quay.io', 'other'))?.key, 'quay.io');
  assert.is(await find('ghcr.io', 'me'), undefined);
});

test("Docker's file comes after Podman's; Docker Hub has a name of its own there", async () => {
  write(podmans, { auths: {} });
  write(dockers, {
    auths: { 'https://index.docker.io/v1/': auth('hub:1'), 'ghcr.io': { identitytoken: 'it' } },
  });
  assert.equal(await find('docker.io', 'me/x'), {
    key: 'docker.io',
    login: { kind: 'password', username: 'hub', password: '1' },
  });
  assert.equal((await find('ghcr.io', 'me'))?.login, { kind: 'identity', token: 'it' });
});

test('credential helpers: of a registry, and of all', async () => {
  helper('one', 'echo "{\\"Username\\":\\"u\\",\\"Secret\\":\\"$registry-$1\\"}"');
  helper(
    'all',
    'case $registry in quay.io) echo "{\\"Username\\":\\"<token>\\",\\"Secret\\":\\"t\\"}";; *) echo "credentials not found in native keychain"; exit 1;; esac',
  );
  write(dockers, { credHelpers: { 'ghcr.io': 'one' }, credsStore: 'all' });
  assert.equal((await find('ghcr.io', 'me'))?.login, {
    kind: 'password',
    username: 'u',
    password: 'ghcr.io-get',
  });
  assert.equal((await find('quay.io', 'me'))?.login, { kind: 'identity', token: 't' });
  assert.is(await find('example.com', 'me'), undefined);
});

test('a helper that fails or is not there is named, and what it said of a secret is not shown', async () => {
  for (const [name, script, said] of [
    ['broken', 'echo "no bus" >&2; exit 1', 'docker-credential-broken.*no bus'],
    ['odd', 'echo SECRET', 'docker-credential-odd does not hold JSON'],
    ['missing', undefined, 'not on the PATH'],
  ] as const) {
    if (script !== undefined) helper(name, script);
    write(dockers, { credHelpers: { 'ghcr.io': name } });
    const error = await find('ghcr.io', 'me').catch((thrown: unknown) => thrown);
    assert.ok(isPaudeError(error, 'CONFIG_INVALID'), String(error));
    assert.match(String(error), new RegExp(said));
    assert.not.match(String(error), 'SECRET');
  }
});

test.run();
