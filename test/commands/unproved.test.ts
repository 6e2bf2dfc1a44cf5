import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { Backend } from '../../lib/session/backend.ts';
import { suite } from '../harness/suite.ts';
import { World } from './world.ts';

const test = suite('a session that was made again by itself');
let world: World;
let proofs: number;
/** How often something was sent. */
let landings: number;
/** What its probe finds. */
let closed: boolean;

test.before.each(async () => {
  [world, proofs, closed] = [new World(), 0, true];
  world.env['ANTHROPIC_API_KEY'] = 'key';
  await world.paude('create', 'x');
  await paude('start', 'x');
  assert.is(proofs, 1);
  landings = 0;
  // As another pod has it.
  rmSync(join(world.root, 'sessions/x/run/proved'));
});
test.after.each(() => world.end());

/** The sessions of plain folders, with a way out each, whose proof is played. */
function filtered(): Backend {
  const { backend } = world;
  const say = (text: string) => ['sh', '-c', `cat >/dev/null; ${text}`];
  return {
    ...backend,
    get: async (...args) => {
      const session = await backend.get(...args);
      const rules = { agent: [], allow: [], deny: [] };
      return session && { ...session, egress: { image: 'proxy', rules } };
    },
    open: (name, command, signal, role) => {
      if (role === 'credentials') landings++;
      const given = command.slice(0, 2).join(' ');
      if (given === 'paude-session probe') {
        proofs++;
        const mark = closed ? 'proved' : command.includes('accepted') ? 'accepted' : 'other';
        const answer = `: >"$PAUDE_RUN/${mark}"; printf '0 ${closed ? 'ok' : 'open'}\nrefused ok\nover\n'`;
        return backend.open(name, say(answer), signal);
      }
      const around = given === 'paude-proxy around' ? 'echo guarded 198.51.100.7 3130; echo over' : ':';
      if (role === 'proxy') return backend.open(name, say(around), signal);
      return backend.open(name, ['env', 'PAUDE_FILTERED=1', ...command], signal, role);
    },
  };
}

function paude(...argv: readonly string[]) {
  return world.paudeIn(world.repository, { backend: async () => filtered() }, ...argv);
}

const ran = () => join(world.root, 'ran');
const count = ['sh', '-c', 'echo "$PAUDE_FILTERED" >>"$0"'];

test('exec proves its network before it runs a command, once', async () => {
  const done = await paude('exec', 'x', '--', ...count, ran());
  assert.is(done.code, 0, done.stderr);
  assert.equal([readFileSync(ran(), 'utf8'), proofs], ['1\n', 2]);
  assert.is(done.stderr.includes('unproved'), false, done.stderr);
});

test('sync proves its network before it sends anything, once', async () => {
  world.env['ANTHROPIC_API_KEY'] = 'another';
  const synced = await paude('sync', 'x');
  assert.is(synced.code, 0, synced.stderr);
  assert.match(synced.stderr, 'has your credentials now');
  await paude('sync', 'x');
  assert.equal([proofs, landings], [2, 1]);
});

test('where nothing proves it, nothing is sent', async () => {
  closed = false;
  world.env['ANTHROPIC_API_KEY'] = 'another';
  const synced = await paude('sync', 'x');
  assert.match(synced.stderr, 'the network of the session x is not closed');
  assert.is(landings, 0);
});

test('what was accepted is proved once a run, and goes on', async () => {
  closed = false;
  const network = {
    agentHosts: async () => [],
    upstreamLogin: async () => undefined,
    acceptUnenforced: async () => true,
  };
  world.env['ANTHROPIC_API_KEY'] = 'another';
  const context = { backend: async () => filtered(), network };
  const synced = await world.paudeIn(world.repository, context, 'sync', 'x');
  assert.match(synced.stderr, 'has your credentials now');
  assert.is((await paude('sync', 'x')).code, 0);
  assert.is(proofs, 2);
});

test('the hook leaves it, and its log says why', async () => {
  await world.paude('remote', 'add', 'x');
  world.env['ANTHROPIC_API_KEY'] = 'another';
  assert.is((await paude('hooks', 'run')).code, 0);
  const log = readFileSync(join(world.repository, '.git/paude/hook.log'), 'utf8');
  assert.match(log, 'NETWORK_UNPROVED: nobody has proved that the network of the session x is closed');
  assert.equal([proofs, landings], [1, 0]);
});

test.run();
