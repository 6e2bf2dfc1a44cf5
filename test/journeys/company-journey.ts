import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { Suite } from '../harness/suite.ts';
import type { CompanyProxy, Outside } from '../outside/outside.ts';
import type { Ground } from './ground.ts';
import { until, World } from './world.ts';

const [user, password] = ['ada', 'pass:w%rd @"7'];

/** A network of a company's: a proxy that asks who one is, and hosts with private addresses. */
export function companyJourney(
  test: Suite,
  ground: Ground,
  open: () => Outside,
  /** Runs a script of sh in the proxy of a session; gives what it printed. */
  inProxy: (session: string, script: string) => string,
  /** Has a session's proxy crash; what watches over it starts it again. */
  crash: (session: string) => void,
): void {
  const it = test.skipIf(ground.skip);
  let outside: Outside;
  let company: CompanyProxy;
  let world: World;
  let [behind, beside, inside] = ['', '', ''];

  test.before(async () => {
    if (ground.skip !== undefined) return;
    outside = open();
    company = await outside.startCompanyProxy(`${user}:${password}`);
    const { CONTAINERS_CONF } = outside.env;
    const env = CONTAINERS_CONF === undefined ? ground.env : { ...ground.env, CONTAINERS_CONF };
    world = new World({ ...ground, env });
    [behind, beside, inside] = [world.session('behind'), world.session('beside'), world.session('inside')];
  });
  test.after(() => {
    if (ground.skip !== undefined) return;
    world?.end();
    outside?.end();
  });

  const upstream = (secret = password) => ({
    PAUDE_UPSTREAM_PROXY: `http://${user}:${encodeURIComponent(secret)}@${company.host}:${company.port}`,
  });
  const paude = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    world.run('git', ['paude', ...args], world.repository, env);
  const get = (name: string, url: string) => {
    const done = paude(['exec', name, '--', 'curl', '-sS', '-D', '-', url]);
    return done.stdout + done.stderr;
  };

  it('what is allowed goes by the company’s proxy, which knows who asks; what is not never gets there', () => {
    const [first, evil] = [outside.name('first'), outside.surroundings.forbidden];
    const created = paude(['create', behind, '--allow', first], upstream());
    assert.is(created.code, 0, created.stderr);
    const started = paude(['start', behind, '--detach'], upstream());
    assert.is(started.code, 0, started.stderr);
    assert.match(get(behind, `https://${first}/who`), `reached ${first}`);
    assert.match(company.log(), new RegExp(`TCP_TUNNEL/200 \\d+ CONNECT ${first}:443 ${user} `));
    assert.match(get(behind, `https://${evil}/who`), 'HTTP/1.1 403');
    assert.is(company.log().includes(evil), false);
  });

  it('its password is in memory, and in no object, environment, argument or file that lasts', () => {
    const forms = [
      password,
      encodeURIComponent(password),
      btoa(`${user}:${password}`),
      'pass:w%25rd',
      'pass%3Aw',
    ];
    const isTold = (text: string) => forms.filter((form) => text.includes(form));
    const processes = 'cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" "\\n"';
    const files =
      'grep -rslI -e "w%rd @" -e "w%25rd" -e "ass:w" /etc /home /pvc /run /tmp /var /usr/libexec || :';
    const kept = ground.configuration(behind);
    // Podman's labels have it in another form.
    const inside = kept.match(/[\w-]{40,}/g)!.map((text) => Buffer.from(text, 'base64url').toString());
    assert.equal(isTold([kept, ...inside].join('\n')), []);
    assert.match([kept, ...inside].join('\n'), company.host);
    assert.equal(isTold(inProxy(behind, processes)), []);
    const found = inProxy(behind, files).trim().split('\n').sort();
    assert.equal(found, ['/tmp/squid.conf', '/tmp/upstream-login']);
    assert.is(inProxy(behind, 'stat -f -c %T /tmp').trim(), 'tmpfs');
    const inSession = (script: string) => paude(['exec', behind, '--', 'sh', '-c', script]).stdout;
    assert.match(inSession(processes), 'PAUDE_SESSION=');
    assert.equal(isTold(inSession(processes)), []);
    assert.is(inSession(files), '');
    const listed = paude(['list', '--json']).stdout;
    assert.match(listed, `"http://${company.host}:${company.port}"`);
    assert.equal(isTold(listed), []);
  });

  it('a proxy that crashes comes back, and its password with it', async () => {
    const first = outside.name('first');
    crash(behind);
    const said = await until(
      () => get(behind, `https://${first}/who`),
      (text) => !text.includes('Failed to connect') && !text.includes('reset by peer'),
    );
    assert.match(said, `reached ${first}`, said);
  });

  it('a wrong password is said at the start, and the right one mends it', () => {
    const first = outside.name('first');
    assert.is(paude(['stop', behind]).code, 0);
    const wrong = paude(['start', behind, '--detach'], upstream('another'));
    assert.match(wrong.stderr, `the proxy of ${behind} does not reach api.anthropic.com: `);
    assert.is(get(behind, `https://${first}/who`).includes('reached'), false);
    const right = paude(['start', behind, '--detach'], upstream());
    assert.is(right.code, 0, right.stderr);
    assert.is(right.stderr.includes('does not reach'), false, right.stderr);
    assert.match(get(behind, `https://${first}/who`), `reached ${first}`);
  });

  it('a company’s proxy that speaks TLS is spoken to by TLS, where its certificate has its name', () => {
    const [first, plain] = [outside.name('first'), outside.name('plain')];
    const to = (host: string) => ({
      PAUDE_UPSTREAM_PROXY: `https://${user}:${encodeURIComponent(password)}@${host}:${company.tls.port}`,
    });
    const env = to(company.tls.name);
    const created = paude(['create', inside, '--allow', first, '--allow', `http://${plain}`], env);
    assert.is(created.code, 0, created.stderr);
    const started = paude(['start', inside, '--detach'], env);
    assert.is(started.code, 0, started.stderr);
    assert.match(get(inside, `https://${first}/who`), `reached ${first}`);
    assert.match(get(inside, `http://${plain}/who`), 'reached plain');
    assert.match(company.log(), new RegExp(`TCP_MISS/200 \\d+ GET http://${plain}/who ${user} `));
    assert.is(paude(['delete', inside, '--confirm']).code, 0);
    // By its address, which is not in its certificate.
    assert.is(paude(['create', inside, '--allow', first], to(company.host)).code, 0);
    assert.is(paude(['start', inside, '--detach'], to(company.host)).code, 0);
    const asked = () => company.log().match(/ CONNECT /g)?.length;
    const before = asked();
    assert.match(get(inside, `https://${first}/who`), 'TLS connect error');
    assert.is(asked(), before, 'it was asked, and so told the password, without its name');
  });

  it('a host with a private address is reached at the port that was allowed as private, and no other', () => {
    const host = outside.name('private');
    const created = paude(['create', beside, '--allow', host]);
    assert.is(created.code, 0, created.stderr);
    assert.is(paude(['start', beside, '--detach']).code, 0);
    assert.is(get(beside, `https://${host}/who`).includes('reached'), false);
    assert.match(paude(['network', beside]).stdout, `--allow 'private:${host}'`);
    assert.is(paude(['network', beside, '--allow', `private:${host}`]).code, 0);
    assert.match(get(beside, `https://${host}/who`), `reached ${host}`);
    assert.match(get(beside, `https://${host}:8443/who`), 'HTTP/1.1 403');
    assert.is(paude(['network', beside, '--allow', `private:${host}:8443`]).code, 0);
    assert.match(get(beside, `https://${host}:8443/who`), `reached ${host}`);
  });

  it('a repository’s file never opens what is private, and names no proxy without consent', () => {
    const file = join(world.repository, '.paude.json');
    const name = world.session('untrusted');
    writeFileSync(file, JSON.stringify({ 'upstream-proxy': 'http://proxy.evil.test:3128' }));
    assert.match(paude(['create', name]).stderr, /needs your consent: upstream-proxy/);
    writeFileSync(file, JSON.stringify({ allow: [`private:${outside.name('private')}`] }));
    paude(['trust']);
    const refused = paude(['create', name]);
    assert.is.not(refused.code, 0);
    assert.match(refused.stderr, /private:/);
    // No command goes on with such a file, and so none that tidies up.
    rmSync(file);
    assert.is(paude(['list']).stdout.includes(name), false);
  });
}
