import { PassThrough, Readable } from 'node:stream';
import * as assert from 'uvu/assert';
import { changedRules, hostRulesOf, type NetworkRules } from '../../lib/egress/network-rules.ts';
import { proxyConfiguration } from '../../lib/egress/proxy-configuration.ts';
import { isPaudeError, PaudeError, type ErrorCode } from '../../lib/errors.ts';
import { sessionName } from '../../lib/names.ts';
import type { Backend } from '../../lib/session/backend.ts';
import { changeNetwork } from '../../lib/session/change-network.ts';
import { secureNetwork } from '../../lib/session/secure-network.ts';
import type { Session, SessionState } from '../../lib/session/session.ts';
import { noNetwork } from '../harness/no-network.ts';
import { suite } from '../harness/suite.ts';

const test = suite('change network');
const never = new AbortController().signal;
const up = Promise.resolve();
const name = sessionName('x');
const first: NetworkRules = { agent: [], allow: ['evil.example.com'], deny: [] };
const denying = (rules: NetworkRules) => changedRules(rules, { allow: [], deny: ['evil.example.com'] });
const textOf = (rules: NetworkRules) => `${proxyConfiguration(hostRulesOf(rules))}\n`;

/** A session whose rules are kept, and a proxy that holds to what it was told last. */
class World {
  kept = first;
  inForce = textOf(first);
  /** Why no command runs in the proxy. */
  absent: ErrorCode | undefined;
  /** Happens right before the proxy is told. */
  meanwhile = () => {};
  readonly backend: Backend;

  constructor() {
    const answers = new Map([
      ['around', 'guarded 198.51.100.7 3130\nover\n'],
      ['probe', '0 ok\nrefused ok\nallowed ok\nover\n'],
    ]);
    const backend = {
      whoami: async () => 'test',
      get: async () => this.session('running'),
      openings: async () => ({ openings: [], renewed: [] }),
      changeRules: async (_: string, change: (rules: NetworkRules) => NetworkRules) =>
        (this.kept = change(this.kept)),
      open: async (_: string, [, verb = '']: readonly string[]) => {
        if (verb === 'configure' && this.absent !== undefined) throw new PaudeError(this.absent, 'no proxy');
        const [stdin, stdout] = [new PassThrough(), Readable.from([answers.get(verb) ?? ''])];
        const exit = stdin.toArray().then((chunks) => {
          if (verb !== 'configure') return 0;
          this.meanwhile();
          this.inForce = Buffer.concat(chunks).toString().replace(/^.*\n/, '');
          return 0;
        });
        return {
          stdin,
          stdout,
          stderr: Readable.from([]),
          exit,
          [Symbol.asyncDispose]: async () => undefined,
        };
      },
    };
    this.backend = backend as unknown as Backend;
  }

  session(state: SessionState): Session {
    return {
      location: { backend: 'podman', name },
      description: { agent: 'claude', agentArgs: [], packages: [], yolo: false, allowNetwork: false },
      image: 'none',
      egress: { image: 'none', rules: this.kept },
      state,
      owner: 'test',
      createdAt: new Date(),
    };
  }

  start(state: SessionState): Promise<void> {
    const starting = { proxy: up, session: up, done: up, hasBegun: () => true };
    const found = Promise.resolve(this.session(state));
    return secureNetwork({ backend: this.backend, ...noNetwork }, found, starting, () => undefined, never);
  }
}

test('a proxy that outlives its session is told what changes', async () => {
  for (const state of ['stopped', 'failed', 'starting', 'created'] as const) {
    const world = new World();
    await changeNetwork(world.backend, world.session(state), denying, never);
    assert.is(world.inForce, textOf(denying(first)), state);
  }
});

test('where no proxy runs, what changes is kept, and a session that runs is not said to hold to it', async () => {
  for (const code of ['SESSION_STOPPED', 'SESSION_UNKNOWN'] as const) {
    const world = new World();
    world.absent = code;
    const rules = await changeNetwork(world.backend, world.session('stopped'), denying, never);
    assert.equal([rules, world.kept], [denying(first), denying(first)]);
    const running = changeNetwork(world.backend, world.session('running'), denying, never);
    const error = await running.catch((reason: unknown) => reason);
    assert.ok(isPaudeError(error, code), String(error));
  }
});

test('a start has a proxy that was left running hold to what is kept', async () => {
  for (const state of ['stopped', 'failed', 'running'] as const) {
    const world = new World();
    world.kept = denying(first);
    await world.start(state);
    assert.is(world.inForce, textOf(denying(first)), state);
  }
});

test('what changes between a start’s look at the rules and its proxy’s being told is in force after it', async () => {
  const world = new World();
  world.meanwhile = () => {
    world.kept = denying(first);
    world.meanwhile = () => {};
  };
  await world.start('stopped');
  assert.is(world.inForce, textOf(denying(first)));
});

test.run();
