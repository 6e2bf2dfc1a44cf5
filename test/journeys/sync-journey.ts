import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import * as assert from 'uvu/assert';
import type { Suite } from '../harness/suite.ts';
import type { Ground } from './ground.ts';
import { begin } from './interruptible.ts';
import { PersonTerminal } from './person-terminal.ts';
import { until, World } from './world.ts';

/** How a session starts again with nobody of us there. */
export interface Restart {
  readonly how: string;
  /** Whether the memory of its credentials outlives that. */
  readonly keeps: boolean;
  run(session: string): void;
}

/** Three programs that write to the end of a file, a byte at a time, for as long as they run. */
const growing = `
import os, sys
for _ in range(2): os.fork()
f = open(sys.argv[1], 'ab', buffering=0)
f.write(b'.')
print('writes', flush=True)
while True: f.write(b'.')
`;

/** Takes each of fifty files away, or brings it back, whole, again and again. */
const churning = `
import os, sys
folder = sys.argv[1]
print('writes', flush=True)
while True:
  for n in range(50):
    path = folder + '/' + str(n)
    if os.path.exists(path): os.unlink(path)
    else:
      with open(folder + '.next', 'w') as f: f.write((str(n) + '\\n') * 1000)
      os.rename(folder + '.next', path)
`;

/** For node in the session: the names of files that are not what their names say. */
const broken = `
const { readdirSync, readFileSync } = require('fs');
const folder = process.env.HOME + '/.claude/skills/churn/';
const isBroken = (name) => readFileSync(folder + name, 'utf8') !== (name + '\\n').repeat(1000);
process.stdout.write(JSON.stringify(readdirSync(folder).filter(isBroken)));
`;

/** Syncs that something comes between, and sessions that start again by themselves. */
export function syncJourney(test: Suite, ground: Ground, restarts: readonly Restart[]): void {
  const it = test.skipIf(ground.skip);
  const key = { ANTHROPIC_API_KEY: 'a-key' };
  let world: World;
  let name: string;

  const write = (path: string, content: string | Uint8Array) => {
    const file = join(world.home, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  };
  const paude = (...args: string[]) => world.run('git', ['paude', ...args], world.repository, key);
  const inside = (script: string) => paude('exec', name, '--', 'sh', '-c', script).stdout;
  const size = () => inside('wc -c <~/.claude/skills/all');
  const memory = () => inside('cat ~/.claude/CLAUDE.md');

  test.before(() => {
    if (ground.skip !== undefined) return;
    world = new World(ground);
    name = world.session('sync');
    write('.claude/CLAUDE.md', 'first');
    for (const args of [
      ['create', name],
      ['start', name, '--detach'],
    ]) {
      const done = paude(...args);
      if (done.code !== 0) throw new Error(done.stderr);
    }
  });
  test.after(() => {
    if (ground.skip === undefined) world.end();
  });

  it('of a file that grows all the time the old copy stays and is named; what comes and goes is whole or not there', async () => {
    // Its reading takes longer than a program waits for its turn, and comes before that of the others.
    const old = Buffer.alloc(20_000_000, '-');
    const log = write('.claude/skills/all', old);
    write('.claude/skills/churn/0', '0\n'.repeat(1000));
    assert.is(paude('sync', name, '--full').code, 0);
    write('.claude/CLAUDE.md', 'second');
    const programs = [
      world.start('python3', ['-c', growing, log]),
      world.start('python3', ['-c', churning, join(world.home, '.claude/skills/churn')]),
    ];
    const over = programs.map((program) => new Promise((resolve) => program.once('close', resolve)));
    try {
      for (const program of programs) await new Promise((resolve) => program.stdout!.once('data', resolve));
      const stays = '~/.claude/skills/all stays: it changed while it was read;';
      const sync = () => {
        const before = size();
        const { code, stderr } = paude('sync', name, '--full');
        assert.is(code, 0, stderr);
        if (!stderr.includes(stays)) return stderr;
        assert.is(size(), before);
        assert.match(stderr, `the session ${name} has your credentials now, but for what could not be read`);
        return stderr;
      };
      const vanished = /~\/\.claude\/skills\/churn\/\d+ stays: it vanished/;
      // Whether one vanishes between the look at the folder and its reading, and whether another is written to while it
      // is read, is up to when all these programs have their turns.
      await until(sync, (said) => said.includes(stays) && vanished.test(said), 180_000);
    } finally {
      // The copies that the first one has made of itself, too.
      world.run('pkill', ['-KILL', '-f', log], '/');
      for (const program of programs) program.kill('SIGKILL');
      await Promise.all(over);
    }
    assert.is(memory(), 'second');
    assert.is(inside('tr -d .- <~/.claude/skills/all | wc -c'), '0\n');
    assert.is(paude('exec', name, '--', 'node', '-e', broken).stdout, '[]');
    // When nothing changes any more, all of it is there.
    const { code, stderr } = paude('sync', name, '--full');
    assert.is(code, 0, stderr);
    assert.is(size(), `${readFileSync(log).length}\n`);
    rmSync(join(world.home, '.claude/skills'), { recursive: true });
    assert.is(paude('sync', name, '--full').code, 0);
  });

  it('Ctrl-C at any moment of a sync leaves the old or the new, nothing half-made, and the next one works', async () => {
    write('.claude/big', Buffer.alloc(10_000_000, 'x'));
    const ends = new Set<number>();
    let before = memory();
    for (let milliseconds = 200; milliseconds <= 2000; milliseconds += 200) {
      const next = `after ${milliseconds}`;
      write('.claude/CLAUDE.md', next);
      const sync = begin(world, 'git', ['paude', 'sync', name, '--full'], key);
      await wait(milliseconds);
      sync.interrupt();
      const { code, stderr } = await sync.ended;
      ends.add(code);
      assert.ok(code === 130 || code === 0, stderr);
      const now = memory();
      assert.ok(now === next || (code === 130 && now === before), `${code}: ${now}`);
      before = now;
    }
    assert.ok(ends.has(130), `${[...ends].join()}: none was interrupted`);
    await until(
      () => inside('ls -d /credentials/.new.* 2>/dev/null'),
      (found) => found === '',
    );
    assert.equal(ground.writers(name), []);
    const synced = paude('sync', name, '--full');
    assert.is(synced.code, 0, synced.stderr);
    assert.is(memory(), 'after 2000');
  });

  /** Starts it again by itself, and looks at it by no command of ours: those that find no proof do what a start does. */
  async function comeUpAlone({ how, keeps, run }: Restart): Promise<void> {
    write('.claude/CLAUDE.md', how);
    assert.is(paude('sync', name, '--full').code, 0);
    const before = ground.life(name);
    assert.ok(before);
    // Memory lasts for as long as anybody has it mounted: what has written there sweeps up, and nobody waits for that.
    await until(
      () => ground.writers(name),
      (writers) => writers.length === 0,
    );
    run(name);
    await until(
      () => ground.life(name),
      (now) => now !== '' && now !== before,
    );
    await until(
      () => paude('list').stdout,
      (rows) => new RegExp(`^${name}\trunning`, 'm').test(rows),
    );
    if (keeps) assert.is(memory(), how);
    else
      assert.is(
        ground.look(name, 'ls -A /credentials; ls ~/.claude/CLAUDE.md 2>/dev/null; echo that is all'),
        'that is all\n',
      );
  }

  for (const restart of restarts) {
    const { how } = restart;
    it(`${how}: it comes up with nobody there, and the next connect brings what it lost`, async () => {
      await comeUpAlone(restart);
      const terminal = new PersonTerminal(world, `git paude connect ${name}`, key);
      try {
        await until(terminal.screen, (text) => /No code has landed|Claude Code/.test(text));
        assert.is(memory(), how);
        assert.is(inside('cat /credentials/login/keys/ANTHROPIC_API_KEY'), 'a-key');
      } finally {
        terminal.end();
      }
    });

    it(`${how}: so does the next push`, async () => {
      await comeUpAlone(restart);
      const pushed = world.run(
        'git',
        ['push', `paude-${name}`, 'HEAD:refs/heads/other'],
        world.repository,
        key,
      );
      assert.is(pushed.code, 0, pushed.stderr);
      assert.is(pushed.stderr.includes('was made again by itself'), !restart.keeps, pushed.stderr);
      const look = 'cat ~/.claude/CLAUDE.md /credentials/login/keys/ANTHROPIC_API_KEY';
      assert.is(ground.look(name, look), `${how}a-key`);
    });
  }
}
