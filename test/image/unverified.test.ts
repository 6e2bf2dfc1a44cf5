import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { podmanProgram } from '../../lib/backends/podman/podman.ts';
import { isPaudeError } from '../../lib/errors.ts';
import type { Cluster } from '../../lib/backends/kubernetes/cluster.ts';
import { imageWays } from '../../lib/image-ways.ts';
import { imagePorts } from '../../lib/image-ports.ts';
import type { Report } from '../../lib/session/events.ts';
import { suite } from '../harness/suite.ts';
import { reply, WireRegistry } from './wire-registry.ts';

/** Registries whose certificates nobody has signed, and what openshift-tls-verify=false has to do with them. */
const test = suite('certificates that are not verified');
const signal = new AbortController().signal;
let home: string;
let registry: WireRegistry;

test.before.each(async () => {
  home = mkdtempSync(join(tmpdir(), 'paude-unverified-'));
  const [key, cert] = [join(home, 'key'), join(home, 'cert')];
  const name = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const files = ['-nodes', '-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', ...files, ...name], { stdio: 'ignore' });
  registry = new WireRegistry({ key: readFileSync(key), cert: readFileSync(cert) });
  await registry.listen();
  registry.fault = (_, response) => {
    reply(response, 401, { 'www-authenticate': 'Basic realm="x"' });
    return true;
  };
  const auth = Buffer.from('ada:secret').toString('base64');
  mkdirSync(join(home, '.docker'));
  writeFileSync(join(home, '.docker/config.json'), JSON.stringify({ auths: { [host()]: { auth } } }));
});
test.after.each(() => {
  registry.close();
  rmSync(home, { recursive: true, force: true });
});

const host = () => registry.origin.host;

/** On a machine without Podman. */
function ports(values: Readonly<Record<string, unknown>>) {
  const settings = async () => ({ values: { 'openshift-tls-verify': false, ...values }, origins: {} });
  const podman = async () => podmanProgram({ PATH: '/nowhere' });
  return imagePorts({
    env: { DOCKER_CONFIG: join(home, '.docker'), XDG_RUNTIME_DIR: home },
    home,
    settings,
    podman,
    agree: async () => undefined,
  });
}

test('a ready image is not looked at there with the user’s login', async () => {
  const images = ports({ 'openshift-registry': `${host()}/me` });
  const error = await images.missingIn(`${host()}/me/x:1`, signal).catch((thrown: unknown) => thrown);
  assert.ok(isPaudeError(error, 'CERTIFICATE_UNTRUSTED'), String(error));
  assert.equal(registry.requests, []);
});

test('whether nodes need a login is asked there only of the registry that images are pushed to', async () => {
  const asked = async (values: object) => {
    const notices: string[] = [];
    const report: Report = (event) => void (event.type === 'notice' && notices.push(event.text));
    const secret = await ports({ 'pull-secret': 'auto', ...values }).pullSecret(
      [`${host()}/me/x:1`],
      report,
      signal,
    );
    return { secret, notices };
  };
  assert.equal(await asked({ 'openshift-registry': `${host()}/me` }), {
    secret: {
      entries: [{ registry: host(), username: 'ada', password: 'secret' }],
      images: [`${host()}/me/x:1`],
    },
    notices: [],
  });
  assert.is(registry.requests.length, 1);
  for (const values of [{}, { 'openshift-registry': 'quay.io/me' }]) {
    const { secret, notices } = await asked(values);
    assert.is(secret, undefined);
    assert.match(notices.join(), /no pull secret is made for 127.*certificate of .* is not trusted/);
  }
  assert.is(registry.requests.length, 1);
});

test('is said once of a registry, however many images go there', async () => {
  const said = async (verify: boolean) => {
    const settings = async () => ({
      values: { 'openshift-tls-verify': verify, 'openshift-registry': `${host()}/me` },
      origins: {},
    });
    const { ways } = imageWays({ env: {}, home, settings });
    const notices: string[] = [];
    const report: Report = (event) => void (event.type === 'notice' && notices.push(event.text));
    for (let images = 0; images < 2; images++) {
      const [way] = await ways({ connection: {}, namespace: 'n' } as unknown as Cluster, report);
      await way!.open(signal);
    }
    return notices;
  };
  assert.equal(await said(false), [`the certificate of ${host()}/me is not verified`]);
  assert.equal(await said(true), []);
});

test.run();
