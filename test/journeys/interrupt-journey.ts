import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { Suite } from '../harness/suite.ts';
import type { Ground } from './ground.ts';
import { begin } from './interruptible.ts';
import { until, World } from './world.ts';

/** Ctrl-C, and what is left after it, the same wherever the sessions run. */
export function interruptJourney(test: Suite, ground: Ground): void {
  const it = test.skipIf(ground.skip);
  /** Where a ready image is used, nothing is built. */
  const builds = !('PAUDE_IMAGE' in ground.env);
  let world: World;

  test.before(() => {
    if (ground.skip === undefined) world = new World(ground);
  });
  test.after(() => {
    if (ground.skip === undefined) world.end();
  });

  const run = (program: string, args: readonly string[]) => begin(world, program, args);

  /** Commands on this machine that are about this session. */
  const processes = (name: string) =>
    world
      .run('sh', ['-c', 'ps -eo args'], '/')
      .stdout.split('\n')
      .filter((line) => line.includes(name) && /^(git|podman|node|\S*\/git|\S*\/podman)\b/.test(line))
      .filter((line) => !line.includes('conmon'));

  const whereBuilt: typeof it = builds ? it : () => undefined;
  whereBuilt('in the middle of a build: the build ends with its step, and nothing is made', async () => {
    const name = world.session('build');
    // Its number is this run's own.
    const asleep = `sleep 3333.${process.pid}`;
    writeFileSync(join(world.repository, 'Slow'), `FROM session\nRUN echo it sleeps; ${asleep}\n`);
    writeFileSync(join(world.repository, '.paude.json'), '{ "containerfile": "Slow" }');
    try {
      assert.is(world.paude('trust').code, 0);
      const create = run('git', ['paude', 'create', name, '--verbose']);
      await until(create.said, (text) => /it sleeps$/m.test(text));
      create.interrupt();
      const { code, stderr } = await create.ended;
      assert.is(code, 130, stderr);
      assert.match(stderr, /interrupted/);
      assert.is(ground.objects(name), '');
      // Podman's own last word: it has ended by itself, and so has removed the container that it built in.
      assert.match(stderr, /^Error: building at STEP/m);
      const running = world.run('ps', ['-eo', 'args'], '/').stdout;
      assert.is(running.includes(`\n${asleep}\n`), false);
    } finally {
      world.run('rm', ['.paude.json', 'Slow']);
    }
  });

  it('at any moment of create: the session is there whole, or not at all', async () => {
    const ends = new Set<number>();
    for (let wait = 0; wait <= 700; wait += 50) {
      const name = world.session(`at-${wait}`);
      const create = run('git', ['paude', 'create', name]);
      await new Promise((resolve) => setTimeout(resolve, wait));
      create.interrupt();
      const { code, stdout } = await create.ended;
      ends.add(code);
      if (code === 0) assert.is(stdout, `${name}\n`);
      const whole = ground.isWhole(name);
      assert.is(ground.objects(name) !== '', whole, `${wait} ms: ${ground.objects(name)}`);
      assert.equal(processes(name), []);
      if (whole) assert.is(world.paude('delete', name, '--confirm').code, 0);
      else if (world.git('remote').stdout.includes(name)) assert.unreachable('a remote of nothing');
    }
    assert.ok(ends.has(130), `${[...ends].join()}: none was interrupted`);
  });

  it('in the middle of a start and of a stop: the same command again goes on', async () => {
    const name = world.session('start');
    assert.is(world.paude('create', name).code, 0);
    for (const verb of ['start', 'stop', 'start'] as const) {
      const more = verb === 'start' ? ['--detach'] : [];
      for (const wait of [100, 200, 300]) {
        const running = run('git', ['paude', verb, name, ...more]);
        await new Promise((resolve) => setTimeout(resolve, wait));
        running.interrupt();
        await running.ended;
      }
      const again = world.paude(verb, name, ...more);
      assert.is(again.code, 0, again.stderr);
      assert.match(
        world.paude('list').stdout,
        new RegExp(`^${name}\t${verb === 'start' ? 'running' : 'stopped'}\t`, 'm'),
      );
    }
    assert.is(world.paude('exec', name, '--', 'true').code, 0);
  });

  for (const how of ['an interrupt of all', 'git killed alone'] as const) {
    it(`${how} in mid-push ends both sides, and the next push lands`, async () => {
      const name = world.session(how.startsWith('git') ? 'killed' : 'stopped');
      assert.is(world.git('push', '-q', ground.url(name), 'main').code, 0);
      world.git('checkout', '-qb', `big-${name}`);
      world.commit('big', randomBytes(150 * 2 ** 20));
      const push = run('git', ['push', '--progress', ground.url(name), `big-${name}`]);
      await until(push.said, (text) => /Writing objects: +[1-9]/.test(text));
      if (how === 'an interrupt of all') push.interrupt();
      else world.run('pkill', ['-KILL', '-f', `^git push --progress ${ground.url(name)}`], '/');
      await push.ended;
      await until(
        () => processes(name),
        (found) => found.length === 0,
        10_000,
      );
      await until(
        // By the program's name: a pattern for the whole line would find the search itself.
        () => world.paude('exec', name, '--', 'pgrep', '-x', 'git').stdout,
        (text) => text === '',
        10_000,
      );
      assert.is(world.paude('exec', name, '--', 'git', 'fsck', '--full').code, 0);
      assert.is(world.git('push', '-q', ground.url(name), `big-${name}`).code, 0);
      world.git('checkout', '-q', 'main');
    });
  }
}
