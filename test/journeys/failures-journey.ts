import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { Suite } from '../harness/suite.ts';
import type { Ground } from './ground.ts';
import { World } from './world.ts';

const lfs = spawnSync('git', ['lfs', 'version']).status === 0 ? undefined : 'git-lfs is not installed';

/** What goes wrong around a person, the same wherever the sessions run. Gives that person, for what is a ground's own. */
export function failuresJourney(test: Suite, ground: Ground): () => World {
  const it = test.skipIf(ground.skip);
  let world: World;

  test.before(() => {
    if (ground.skip === undefined) world = new World(ground);
  });
  test.after(() => {
    if (ground.skip === undefined) world.end();
  });

  it('the backend gone: each command says so, with what helps', () => {
    const name = world.session('gone');
    const url = ground.url(name);
    const nowhere = ground.unreachable(world.root);
    for (const args of [
      ['paude', 'list'],
      ['paude', 'create', name],
      ['paude', 'start', name, '--detach'],
      ['paude', 'stop', name],
      ['paude', 'delete', name, '--confirm'],
      ['push', url, 'main'],
      ['fetch', url],
    ]) {
      const { code, stdout, stderr } = world.run('git', args, world.repository, nowhere);
      assert.is(code, args[0] === 'paude' ? 1 : 128, stderr);
      assert.is(stdout, '');
      assert.match(stderr, ground.saysUnreachable, args.join(' '));
      assert.not.match(stderr, / at .*\.js:/);
    }
    assert.is(world.git('remote').stdout, '');
  });

  it('a repository’s own programs and settings files never run', () => {
    const ran = join(world.root, 'ran');
    const script = `require('node:fs').writeFileSync(${JSON.stringify(ran)}, 'x')`;
    const clone = join(world.root, 'hostile clone');
    mkdirSync(join(clone, '.config'), { recursive: true });
    assert.is(world.run('git', ['init', '-q', clone]).code, 0);
    for (const file of [
      '.config/config.js',
      '.config/config.cjs',
      '.pauderc.js',
      '.paude.js',
      'paude.config.js',
      'git-paude.js',
    ])
      writeFileSync(join(clone, file), script);
    writeFileSync(
      join(clone, 'package.json'),
      JSON.stringify({ paude: { yolo: true }, cosmiconfig: { yolo: true } }),
    );
    const config = world.run('git', ['paude', 'config'], clone);
    assert.is(config.code, 0, config.stderr);
    assert.match(config.stdout, /^yolo\tfalse\tfallback$/m);
    writeFileSync(join(clone, '.paude.json'), '{ "$import": "./.pauderc.js" }');
    const imported = world.run('git', ['paude', 'config'], clone);
    assert.is(imported.code, 1);
    assert.match(imported.stderr, /there is no setting "\$import"/);
    assert.is(existsSync(ran), false);
  });

  test.skipIf(ground.skip ?? lfs)(
    'objects of git-lfs stay here: the push says so, and the way round works',
    () => {
      const name = world.session('lfs');
      assert.is(world.paude('create', name).code, 0);
      world.git('checkout', '-qb', 'large');
      assert.is(world.git('lfs', 'install', '--local').code, 0);
      assert.is(world.git('lfs', 'track', '*.bin').code, 0);
      world.commit('large.bin', randomBytes(1000));
      const pushed = world.git('push', `paude-${name}`, 'large');
      assert.is.not(pushed.code, 0);
      assert.match(pushed.stderr, /objects of git-lfs do not travel to a session/);
      assert.match(pushed.stderr, /git push --no-verify/);
      assert.not.match(pushed.stderr, /ssh/i);
      assert.is(world.git('push', '-q', '--no-verify', `paude-${name}`, 'large').code, 0);
      assert.match(world.paude('exec', name, '--', 'cat', 'large.bin').stdout, /^version https:\/\/git-lfs/);
      world.git('lfs', 'uninstall', '--local');
      world.git('checkout', '-qf', 'main');
    },
  );

  test.skipIf(ground.disk.skip)(
    'a full disk: git ends with a true message, and after making room the push lands',
    () => {
      const name = world.session('full');
      assert.is(world.paude('create', name).code, 0);
      // A volume may be made for the first start only.
      assert.is(world.paude('start', name, '--detach').code, 0);
      assert.is(world.paude('stop', name).code, 0);
      const { disk } = ground;
      const volume = disk.folder(name);
      disk.run('mount', '-t', 'tmpfs', '-o', 'size=40m,mode=2775,uid=1000,gid=0', 'tmpfs', volume);
      try {
        assert.is(world.git('push', '-q', `paude-${name}`, 'main').code, 0);
        world.git('checkout', '-qb', 'too-much');
        world.commit('big', randomBytes(60 * 2 ** 20));
        const pushed = world.git('push', `paude-${name}`, 'too-much');
        assert.is.not(pushed.code, 0);
        assert.match(pushed.stderr, /the disk of the session \S+ is full/);
        assert.is(world.paude('exec', name, '--', 'git', 'fsck', '--full').code, 0);
        disk.run('mount', '-o', 'remount,size=400m', volume);
        assert.is(world.git('push', '-q', `paude-${name}`, 'too-much').code, 0);
        assert.is(
          world.git('ls-remote', `paude-${name}`, 'too-much').stdout.slice(0, 40),
          world.git('rev-parse', 'HEAD').stdout.trim(),
        );
      } finally {
        world.git('checkout', '-q', 'main');
        world.paude('stop', name);
        disk.run('umount', volume);
      }
    },
  );

  return () => world;
}
