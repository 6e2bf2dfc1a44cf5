import * as assert from 'uvu/assert';
import { PassThrough, Readable } from 'node:stream';
import { changedRules, type NetworkRules } from '../../lib/egress/network-rules.ts';
import { sessionName, type SessionName } from '../../lib/names.ts';
import { blockedHosts, changeNetwork } from '../../lib/session/change-network.ts';
import { execInSession } from '../../lib/session/exec-in-session.ts';
import { stopSession } from '../../lib/session/stop-session.ts';
import type { Suite } from '../harness/suite.ts';
import { until } from '../journeys/world.ts';
import type { Outside } from '../outside/outside.ts';
import { never, type FilteredSessions } from './session-ports.ts';
import type { Try } from './ways-out.ts';

/** Where the suite runs. */
export interface NetworkGround {
  readonly skip: string | undefined;
  readonly outside: () => Outside;
  readonly sessions: (outside: Outside) => Promise<FilteredSessions>;
  /** Ends a session's proxy, whole or in part, at once, as a machine that is out of memory would. */
  readonly kills: Readonly<Record<string, (outside: Outside, name: SessionName) => void>>;
  /** Ends a session alone: its proxy runs on. It may come again by itself. */
  readonly killSession: (outside: Outside, name: SessionName) => void;
}

/** A session's network, changed, killed and put under load while it runs: the same wherever sessions run. */
export function networkSuite(test: Suite, ground: NetworkGround): void {
  const it = test.skipIf(ground.skip);
  const name = sessionName(`network-${process.pid}`);
  let outside: Outside;
  let sessions: FilteredSessions;
  let [first, second, third] = ['', '', ''];

  test.before(async () => {
    if (ground.skip !== undefined) return;
    outside = ground.outside();
    [first, second, third] = [outside.name('first'), outside.name('second'), outside.name('third')];
    sessions = await ground.sessions(outside);
    await sessions.create(name, { allow: [first, second] });
    await sessions.start(name);
  });
  test.after(async () => {
    if (ground.skip !== undefined) return;
    await sessions?.backend.remove(name, never);
    outside?.end();
  });

  async function change(allow: readonly string[], deny: readonly string[]): Promise<void> {
    // Each change is a command of its own.
    const { signal } = new AbortController();
    const session = (await sessions.backend.get(name, signal))!;
    const changed = (rules: NetworkRules) => changedRules(rules, { allow, deny });
    await changeNetwork(sessions.backend, session, changed, signal);
  }

  const get = async (host: string) =>
    (await sessions.run(name, ['curl', '-sS', '-D', '-', `https://${host}/who`])).out;

  async function ledger(): Promise<readonly unknown[]> {
    const session = (await sessions.backend.get(name, never))!;
    const blocked = await blockedHosts(sessions.backend, session, never);
    return blocked.map(({ host, port, why, count }) => [host, port, why, count]);
  }

  /** A download that goes on until it is closed; `lines` is how far it is. */
  function download(
    host: string,
    scheme = 'https',
  ): { lines: () => number; ended: Promise<number>; stop: () => void } {
    const stdout = new PassThrough();
    let lines = 0;
    stdout.on('data', (data: Buffer) => (lines += data.toString().split('\n').length - 1));
    const stopping = new AbortController();
    const streams = { stdin: Readable.from([]), stdout, stderr: new PassThrough().resume() };
    const command = ['curl', '-sSN', `${scheme}://${host}/stream`];
    const ended = execInSession(sessions.backend, name, command, streams, stopping.signal).catch(() => -1);
    return { lines: () => lines, ended, stop: () => stopping.abort() };
  }

  it('what is refused says why, and which command allows it, in a header; and the ledger has it', async () => {
    const refused = await sessions.run(name, ['curl', '-sSv', `https://${third}/who`]);
    assert.is(refused.code, 56, refused.err);
    assert.match(refused.err, '< HTTP/1.1 403');
    const sentence = `${third}:443 is not allowed in this session; to allow it: git paude network ${name} --allow ${third}`;
    assert.match(refused.err, `< Paude-Blocked: ${sentence}`);
    await get(third);
    assert.equal(await ledger(), [[third, 443, 'host', 2]]);
    const line = await sessions.run(name, ['paude-session', 'blocked']);
    assert.is(line.out, `blocked: git paude network ${name} --allow ${third} | `);
  });

  it('allowing opens at once and breaks nothing; denying closes what is open, and nothing else', async () => {
    const [one, two] = [download(first), download(second)];
    const going = (lines: number) => lines > 2;
    await until(() => Math.min(one.lines(), two.lines()), going);
    await change([third], []);
    assert.match(await get(third), `reached ${third}`);
    assert.equal(await ledger(), [], 'what is allowed now is not told as blocked');
    await change([], [second]);
    // It ends by itself: its tunnel was closed.
    assert.ok((await two.ended) !== 0);
    assert.match(await get(second), 'HTTP/1.1 403');
    const before = one.lines();
    await until(one.lines, (lines) => lines > before + 5);
    one.stop();
    await one.ended;
  });

  it('what was changed and what was refused is remembered with the session, and outlives a stop', async () => {
    const refused = [second, 443, 'host', 1];
    assert.equal(await ledger(), [refused]);
    await stopSession(sessions.backend, name, never);
    assert.equal(await ledger(), [refused], 'of a session that is stopped');
    await stopSession(sessions.backend, name, never);
    await sessions.start(name);
    assert.equal(await ledger(), [refused], 'of one that was started again');
    const rules = (await sessions.backend.get(name, never))?.egress?.rules;
    assert.equal([rules?.allow, rules?.deny], [[first, third].sort(), [`${second}:*`]]);
    assert.match(await get(third), `reached ${third}`);
    assert.match(await get(second), 'HTTP/1.1 403');
    assert.equal(await ledger(), [[second, 443, 'host', 2]]);
  });

  it('what is denied while a session does not run is denied by a proxy that has outlived it', async () => {
    await change([second], []);
    assert.match(await get(second), `reached ${second}`);
    ground.killSession(outside, name);
    await change([], [second]);
    await sessions.start(name);
    assert.match(await get(second), 'HTTP/1.1 403');
    // Neither does it matter whether the proxy could be told.
    ground.killSession(outside, name);
    await sessions.backend.changeRules(
      name,
      (rules) => changedRules(rules, { allow: [], deny: [third] }),
      never,
    );
    await sessions.start(name);
    assert.match(await get(third), 'HTTP/1.1 403');
    await change([third], []);
  });

  for (const [part, kill] of Object.entries(ground.kills)) {
    it(`a proxy is killed, ${part}: the way out is gone with it, and comes back with the rules as they were`, async () => {
      await change([second], []);
      const running = download(first);
      await until(running.lines, (lines) => lines > 2);
      kill(outside, name);
      assert.ok((await running.ended) !== 0);
      const { address } = outside.surroundings;
      const ways: readonly Try[] = [
        { kind: 'tcp', address, port: 443 },
        { kind: 'udp', address, name: first },
      ];
      assert.equal(await sessions.try(name, ways), [null, null]);
      let said = '';
      for (let tries = 0; !said.includes('reached'); tries++) {
        assert.ok(tries < 100, `it does not come back: ${said}`);
        said = await get(second);
      }
      assert.match(await get(outside.name('nobody')), 'HTTP/1.1 403');
      assert.equal(await sessions.try(name, ways), [null, null]);
    });
  }

  it('two hundred connections at once are served', async () => {
    const script = `for i in $(seq 200); do echo "url = \\"https://${first}/who\\""; done >/tmp/urls; \
      curl -sS --http1.1 --parallel --parallel-immediate --parallel-max 200 -K /tmp/urls | grep -c reached`;
    assert.is((await sessions.run(name, ['sh', '-c', script])).out, '200\n');
  });

  it('in the clear, too, denying closes what is open, and another host’s rules break nothing', async () => {
    const model = outside.name('model');
    await change([`${model}:80`], []);
    const one = download(model, 'http');
    await until(one.lines, (lines) => lines > 2);
    await change([`${first}:80`], []);
    const before = one.lines();
    await until(one.lines, (lines) => lines > before + 5);
    await change([], [`${model}:80`]);
    assert.ok((await one.ended) !== 0);
    const said = await sessions.run(name, ['curl', '-sS', '-D', '-', `http://${model}/who`]);
    assert.match(said.out, /^HTTP\/1\.1 403 /);
    assert.match(said.out, `--allow ${model}:80\r\n`);
  });

  it('one command may ask for several things in the clear, one answer a connection', async () => {
    const urls = [1, 2, 3].map((number) => `http://${first}/${number}`);
    const body = 'x'.repeat(2_000_000);
    for (const more of [[], ['--http1.0'], ['-T', '-'], ['--data-binary', '@-']]) {
      const { code, out, err } = await sessions.run(name, ['curl', '-sS', ...more, ...urls], body);
      assert.is(code, 0, err);
      assert.equal(out.match(/reached plain/g)?.length, 3, out + err);
    }
  });

  it('an address is told as what can’t be allowed, and no command is named that would', async () => {
    for (const address of ['192.0.2.1', '[2001:db8::1]']) {
      const sentence = `${address}:443 is an address; only names can be allowed`;
      const refused = await sessions.run(name, ['curl', '-sSv', `https://${address}/`]);
      assert.match(refused.err, `< Paude-Blocked: ${sentence}\r\n`);
      const line = await sessions.run(name, ['paude-session', 'blocked']);
      // Of two within a second either may be the last.
      assert.match(line.out, /^blocked: \S+:443 is an address; only names can be allowed \| $/);
      const entry = (await ledger()).find((one) => (one as unknown[])[0] === address);
      assert.equal(entry, [address, 443, 'literal', 1]);
    }
  });

  it('of changes at once none is lost: all are kept, and all are in force', async () => {
    const hosts = ['model', 'plain', 'evil'].map((of) => outside.name(of));
    await Promise.all([...hosts.map((host) => change([host], [])), change([], [first])]);
    const rules = (await sessions.backend.get(name, never))?.egress?.rules;
    const lost = hosts.filter((host) => !rules?.allow.includes(host));
    assert.equal([lost, rules?.deny.includes(`${first}:*`)], [[], true]);
    const said = await Promise.all([...hosts, first].map(get));
    assert.equal(
      said.map((text) => text.includes('HTTP/1.1 403')),
      [false, false, false, true],
    );
  });
}
