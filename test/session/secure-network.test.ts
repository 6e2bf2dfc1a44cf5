import { PassThrough, Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import type { NetworkRules } from '../../lib/egress/network-rules.ts';
import { isPaudeError, PaudeError } from '../../lib/errors.ts';
import { sessionName } from '../../lib/names.ts';
import type { Backend, Openings } from '../../lib/session/backend.ts';
import type { SessionEvent } from '../../lib/session/events.ts';
import { secureNetwork, type NetworkPorts } from '../../lib/session/secure-network.ts';
import type { Session, SessionState } from '../../lib/session/session.ts';
import { deferred } from '../../lib/waiting.ts';
import { noNetwork } from '../harness/no-network.ts';
import { suite } from '../harness/suite.ts';

const test = suite('secure network');
const never = new AbortController().signal;
const quiet = () => undefined;
const up = Promise.resolve();
const started = { proxy: up, session: up, done: up, hasBegun: () => false };
const begun = { ...started, hasBegun: () => true };

/** A backend in whose parts each command says what stands here, and what was asked of it. */
function backendOf(answers: Readonly<Record<string, string>>, seen: Partial<Openings> = {}) {
  const asked = { commands: [] as string[], stopped: [] as string[], kept: [] as NetworkRules[] };
  const backend = {
    whoami: async () => 'test',
    open: async (_: string, [, verb = '']: readonly string[]) => {
      asked.commands.push(verb);
      const answer = verb === 'configure' ? '' : answers[verb];
      if (answer === undefined) throw new PaudeError('CONNECTION_LOST', 'the connection was lost');
      const [stdin, stdout, stderr] = [new PassThrough(), Readable.from([answer]), Readable.from([])];
      const exit = new Promise((resolve) => stdout.once('end', () => resolve(0)));
      return { stdin, stdout, stderr, exit, [Symbol.asyncDispose]: async () => undefined };
    },
    // Its rules are told elsewhere.
    get: async (): Promise<Session | undefined> => {
      const { egress, ...session } = sessionIn('running');
      void egress;
      return session;
    },
    openings: async () => ({ openings: [], renewed: [], ...seen }),
    stop: async (name: string) => void asked.stopped.push(name),
    changeRules: async (_: string, change: (rules: NetworkRules) => NetworkRules) =>
      void asked.kept.push(change({ agent: [], allow: [], deny: [] })),
  };
  return { backend: backend as unknown as Backend, asked };
}

function sessionIn(state: SessionState, unenforced = false): Session {
  return {
    location: { backend: 'podman', name: sessionName('x') },
    description: { agent: 'claude', agentArgs: [], packages: [], yolo: false, allowNetwork: false },
    image: 'none',
    egress: {
      image: 'none',
      rules: { agent: [], allow: [], deny: [], ...(unenforced ? { unenforced } : {}) },
    },
    state,
    owner: 'test',
    createdAt: new Date(),
  };
}

function secure(backend: Backend, session: Session, accept = false, starting = started): Promise<void> {
  const network: NetworkPorts['network'] = { ...noNetwork.network, acceptUnenforced: async () => accept };
  return secureNetwork({ backend, network }, Promise.resolve(session), starting, () => undefined, never);
}

const around = 'guarded 198.51.100.7 3130\nover\n';
const closed = { around, probe: '0 ok\nrefused ok\nover\n' };
const open = { around, probe: '0 open\nrefused ok\nover\n' };

test('a session that was just started is stopped where nothing is proved', async () => {
  for (const state of ['created', 'stopped', 'starting'] as const) {
    const { backend, asked } = backendOf({});
    const error = await secure(backend, sessionIn(state), false, begun).catch((reason: unknown) => reason);
    assert.ok(isPaudeError(error, 'CONNECTION_LOST'), String(error));
    assert.equal(asked.stopped, ['x']);
  }
});

test('a start that a stop or a delete has overtaken says so', async () => {
  for (const [now, how] of [
    [sessionIn('stopped'), 'stopped'],
    [undefined, 'removed'],
  ] as const) {
    const { backend } = backendOf({});
    const overtaken = { ...backend, get: async () => now };
    const error = await secure(overtaken, sessionIn('running')).catch((reason: unknown) => reason);
    assert.ok(isPaudeError(error, 'SESSION_FAILED'), String(error));
    assert.is(error.message, `the session x was ${how} while it was started`);
  }
});

test('an answer of which not all has come proves nothing, and is no network that is open', async () => {
  const metadata = 'guarded 198.51.100.7 3130\nmetadata 169.254.169.254 80\n';
  for (const cut of ['', 'guarded 198.51.100.7 3130\n', `${metadata}ov`])
    for (const answers of [
      { ...closed, around: cut },
      { around: `${metadata}over\n`, probe: '0 ok\n' },
    ]) {
      const { backend } = backendOf({ proved: '', ...answers });
      const error = await secure(backend, sessionIn('running')).catch((reason: unknown) => reason);
      assert.ok(isPaudeError(error, 'CONNECTION_LOST'), String(error));
      assert.match(error.message, 'not all of its answer has come');
    }
});

test('a proxy with no route to anywhere is told of as that', async () => {
  const { backend, asked } = backendOf({ around: 'no-way-out\nover\n' });
  const error = await secure(backend, sessionIn('stopped'), false, begun).catch((reason: unknown) => reason);
  assert.ok(isPaudeError(error, 'NETWORK_DOWN'), String(error));
  assert.match(error.message, 'the proxy of the session x has no way out');
  assert.equal(asked.stopped, ['x']);
});

test('one in which an agent may be at work outlives a connection that broke', async () => {
  // Its pod may be on its way again.
  for (const state of ['running', 'starting'] as const) {
    const { backend, asked } = backendOf({});
    const error = await secure(backend, sessionIn(state)).catch((reason: unknown) => reason);
    assert.ok(isPaudeError(error, 'CONNECTION_LOST'), String(error));
    assert.equal(asked.stopped, []);
  }
});

test('to another’s session nothing of this shell goes, and only what this command has begun is stopped', async () => {
  const network = {
    ...noNetwork.network,
    agentHosts: async () => ['mine.example.com'],
    upstreamLogin: async () => 'me:secret',
  };
  const upstream = { host: 'proxy.example.com', port: 3128, tls: false };
  const others = (state: SessionState): Session => {
    const session = sessionIn(state);
    return {
      ...session,
      owner: 'somebody else',
      description: { ...session.description, upstreamProxy: 'http://proxy.example.com:3128' },
      egress: { ...session.egress!, upstream },
    };
  };
  const secureIt = (backend: Backend, state: SessionState, starting = started) =>
    secureNetwork({ backend, network }, Promise.resolve(others(state)), starting, () => undefined, never);
  const { backend, asked } = backendOf({ ...closed, proved: '' });
  await secureIt(backend, 'running');
  assert.equal(asked.commands, ['configure', 'proved', 'around', 'probe']);
  assert.equal(asked.kept, []);
  for (const [state, starting, stopped] of [
    ['running', started, []],
    ['starting', started, []],
    ['starting', begun, ['x']],
    ['stopped', begun, ['x']],
  ] as const) {
    const opened = backendOf({ ...open, proved: '' });
    const error = await secureIt(opened.backend, state, starting).catch((reason: unknown) => reason);
    assert.ok(isPaudeError(error, 'NETWORK_UNENFORCED'), String(error));
    assert.equal(opened.asked.stopped, stopped, state);
  }
});

test('what ran and was proved is not probed again, and what was not is', async () => {
  const proved = backendOf({ ...closed, proved: 'proved\n' });
  await secure(proved.backend, sessionIn('running'));
  assert.equal(proved.asked.commands, ['configure', 'proved']);
  const unproved = backendOf({ ...closed, proved: '' });
  await secure(unproved.backend, sessionIn('running'));
  assert.equal(unproved.asked.commands, ['configure', 'proved', 'around', 'probe']);
});

test('that the one before was proved proves nothing of a session that is made again at that time', async () => {
  const answers = { ...closed, proved: 'proved\n' };
  const { backend, asked } = backendOf(answers);
  const runs = deferred();
  const starting = { ...started, session: runs.promise, done: runs.promise };
  // As it is still said of a pod that is being removed.
  const securing = secure(backend, sessionIn('running'), false, starting);
  await setTimeout(50);
  answers.proved = '';
  runs.resolve();
  await securing;
  assert.equal(asked.commands, ['configure', 'proved', 'around', 'probe']);
});

test('one that was accepted unenforced could forge the mark: it is probed each time', async () => {
  const session = sessionIn('running');
  const described = { ...session, description: { ...session.description, acceptUnenforced: true } };
  for (const one of [sessionIn('running', true), described]) {
    const { backend, asked } = backendOf({ ...open, proved: 'proved\n' });
    await secure(backend, one);
    assert.equal(asked.commands, ['configure', 'around', 'probe']);
  }
});

test('into one’s own goes the login to a proxy of one’s network', async () => {
  const { backend, asked } = backendOf({ ...closed, login: '' });
  const network = { ...noNetwork.network, upstreamLogin: async () => 'me:secret' };
  const session = sessionIn('stopped');
  const upstreamProxy = 'http://proxy.example.com:3128';
  const own = { ...session, description: { ...session.description, upstreamProxy } };
  await secureNetwork({ backend, network }, Promise.resolve(own), begun, () => undefined, never);
  assert.equal(asked.commands, ['configure', 'around', 'login', 'probe']);
});

test('the probe asks for what the agent needs first, as its rule lets it through', async () => {
  const asked = async (rules: NetworkRules) => {
    const { backend } = backendOf(closed);
    let [host, plan]: [readonly string[], string] = [[], ''];
    const seeing: Backend = {
      ...backend,
      open: async (name, command, ...more) => {
        const tunnel = await backend.open(name, command, ...more);
        if (command[1] === 'around') host = command.slice(2);
        if (command[1] === 'probe') tunnel.stdin.on('data', (text) => (plan += text));
        return tunnel;
      },
    };
    const session = sessionIn('stopped');
    const network = { ...noNetwork.network, agentHosts: async () => rules.agent };
    const own = { ...session, egress: { image: 'none', rules } };
    const securing = secureNetwork({ backend: seeing, network }, Promise.resolve(own), begun, quiet, never);
    await securing;
    return [...host, /proxy-reaches .* (\S+)$/m.exec(plan)?.[1]];
  };
  const agent = ['llm.corp', 'api.example.com'];
  const allow = ['aaa.example.com'];
  assert.equal(await asked({ agent, allow, deny: [] }), ['llm.corp', '443', 'tls']);
  assert.equal(await asked({ agent: ['*.x.org', 'http://llm.corp:8080'], allow, deny: [] }), [
    'llm.corp',
    '8080',
    'http',
  ]);
  assert.equal(await asked({ agent, allow, deny: ['llm.corp:*'] }), ['api.example.com', '443', 'tls']);
  assert.equal(await asked({ agent: [], allow: ['npm', ...allow], deny: [] }), [
    'registry.npmjs.org',
    '443',
    'tls',
  ]);
});

test('one that did not run is probed, whatever it says of itself', async () => {
  const { backend, asked } = backendOf({ ...open, proved: 'proved\n' });
  const error = await secure(backend, sessionIn('stopped')).catch((reason: unknown) => reason);
  assert.ok(isPaudeError(error, 'NETWORK_UNENFORCED'), String(error));
  assert.equal(asked.commands, ['configure', 'around', 'probe']);
  assert.equal(asked.stopped, ['x']);
});

test('a policy that opens one that was proved is found at every connect', async () => {
  const { backend, asked } = backendOf(
    { proved: 'proved\n' },
    { openings: [{ text: 'the policy p opens it', hint: 'ask p' }] },
  );
  const error = await secure(backend, sessionIn('running')).catch((reason: unknown) => reason);
  assert.ok(isPaudeError(error, 'NETWORK_UNENFORCED'), String(error));
  assert.is(error.message, 'the network of the session x is not closed: the policy p opens it');
  assert.is(error.hint, 'ask p; or go on all the same: git paude start x --accept-unenforced');
  assert.equal(asked.stopped, ['x']);
});

test('of a cluster that enforces nothing is spoken where the session is on one', async () => {
  const reached =
    'the network of the session x is not closed: it reaches the port of its proxy that is closed to all (198.51.100.7 port 3130)';
  const name = sessionName('x');
  for (const [location, message] of [
    [{ backend: 'podman', name }, reached],
    [
      { backend: 'kubernetes', context: 'c', namespace: 'n', name },
      `${reached}; this cluster does not enforce NetworkPolicy`,
    ],
  ] as const) {
    const session = { ...sessionIn('stopped'), location };
    const error = await secure(backendOf(open).backend, session).catch((reason: unknown) => reason);
    assert.ok(isPaudeError(error, 'NETWORK_UNENFORCED'), String(error));
    assert.is(error.message, message);
  }
  // Of one that keeps the session from what no policy allows something else is wrong.
  const node = { around, probe: 'node open fe80::1%eth0 port 10250\n0 ok\nrefused ok\nover\n' };
  const session = {
    ...sessionIn('stopped'),
    location: { backend: 'kubernetes', context: 'c', namespace: 'n', name },
  } as const;
  const error = await secure(backendOf(node).backend, session).catch((reason: unknown) => reason);
  assert.ok(isPaudeError(error, 'NETWORK_UNENFORCED'), String(error));
  assert.is(
    error.message,
    'the network of the session x is not closed: it reaches its node (fe80::1%eth0 port 10250)',
  );
});

test('what was gone and is made again is told, and is proved again, whatever was proved before', async () => {
  const renewed = ['NetworkPolicy p'];
  for (const [state, starting, answers, commands] of [
    ['running', started, { ...closed, proved: 'proved\n' }, ['configure', 'proved', 'around', 'probe']],
    ['stopped', begun, closed, ['configure', 'around', 'probe', 'around', 'probe']],
  ] as const) {
    const { backend, asked } = backendOf(answers, { renewed });
    const notices: string[] = [];
    const report = (event: SessionEvent) => void (event.type === 'notice' && notices.push(event.text));
    const session = Promise.resolve(sessionIn(state));
    await secureNetwork({ backend, network: noNetwork.network }, session, starting, report, never);
    assert.equal(asked.commands, commands);
    assert.equal(notices, ['of the session x was gone, and is made again: NetworkPolicy p']);
  }
  const { backend, asked } = backendOf({ ...open, proved: 'proved\n' }, { renewed });
  const error = await secure(backend, sessionIn('running')).catch((reason: unknown) => reason);
  assert.ok(isPaudeError(error, 'NETWORK_UNENFORCED'), String(error));
  assert.equal(asked.stopped, ['x']);
});

test('what was accepted at a start stands with the session until one proves it', async () => {
  const accepted = backendOf(open);
  await secure(accepted.backend, sessionIn('stopped'), true);
  assert.equal(accepted.asked.kept, [{ agent: [], allow: [], deny: [], unenforced: true }]);
  const again = backendOf(open);
  await secure(again.backend, sessionIn('stopped', true), true);
  assert.equal(again.asked.kept, []);
  const proved = backendOf(closed);
  await secure(proved.backend, sessionIn('stopped', true), true);
  assert.equal(proved.asked.kept, [{ agent: [], allow: [], deny: [] }]);
});

test('what was accepted holds for as long as that run goes on, and no longer', async () => {
  // The pod of one that starts by itself was killed, with nobody having asked for another start.
  for (const state of ['running', 'starting'] as const) {
    const running = backendOf({ ...open, proved: '' });
    await secure(running.backend, sessionIn(state, true));
    assert.equal([running.asked.stopped, running.asked.kept], [[], []], state);
  }
  const again = backendOf(open);
  const starting = secure(again.backend, sessionIn('stopped', true), false, begun);
  const error = await starting.catch((reason: unknown) => reason);
  assert.ok(isPaudeError(error, 'NETWORK_UNENFORCED'), String(error));
});

test('the proof begins beside the start, and waits for the session only when it is its turn', async () => {
  const { backend, asked } = backendOf(closed);
  let [runs, ends] = [() => {}, () => {}];
  const session = new Promise<void>((resolve) => (runs = resolve));
  const done = new Promise<void>((resolve) => (ends = resolve));
  let ended = false;
  const securing = secure(backend, sessionIn('stopped'), false, { ...begun, session, done });
  void securing.then(() => (ended = true));
  await new Promise(setImmediate);
  assert.equal(asked.commands, ['configure', 'around']);
  runs();
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  assert.equal(asked.commands, ['configure', 'around', 'probe']);
  assert.not.ok(ended);
  ends();
  await securing;
});

test('a start that fails says why itself, and has undone what it did', async () => {
  const { backend, asked } = backendOf({});
  const failure = Promise.reject(new PaudeError('IMAGE_PULL_FAILED', 'no image'));
  failure.catch(() => undefined);
  const starting = { ...started, proxy: failure, session: failure, done: failure };
  const error = await secure(backend, sessionIn('stopped'), false, starting).catch(
    (reason: unknown) => reason,
  );
  assert.ok(isPaudeError(error, 'IMAGE_PULL_FAILED'), String(error));
  assert.equal(asked.stopped, []);
});

test.run();
