import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import type { Suite } from '../harness/suite.ts';
import type { Ground } from './ground.ts';
import { until, World, type Outcome } from './world.ts';

/** What a person does with git, the same wherever the sessions run. */
export function gitJourney(test: Suite, ground: Ground): void {
  const it = test.skipIf(ground.skip);
  let world: World;

  test.before(() => {
    if (ground.skip === undefined) world = new World(ground);
  });
  test.after(() => {
    if (ground.skip === undefined) world.end();
  });

  it('the installed names are one program, found through links, with little on the PATH', () => {
    for (const name of ['git-paude', 'paude']) {
      assert.match(world.run(name, ['--version'], '/').stdout, /^git-paude \d+\.\d+\.\d+\n$/);
    }
    assert.match(world.paude().stdout, /usage: git paude/);
    const mistyped = world.paude('crate');
    assert.is(mistyped.code, 2);
    assert.match(mistyped.stderr, /git paude create/);
  });

  it('a day: create, push, work, pull, stop, start by a push, delete', () => {
    const name = world.session('day');
    assert.is(world.paude('create', name).code, 0);
    assert.match(world.paude('create', name).stderr, /there already/);
    const other = world.paude('create', name, '--yolo');
    assert.is(other.code, 1);
    assert.match(other.stderr, /yolo is false, asked for true/);
    assert.is(world.git('push', `paude-${name}`, 'main').code, 0);
    const work = 'echo more >> README && git commit -qam "the agent\'s" && npm config get prefix';
    assert.match(world.paude('exec', name, '--', 'sh', '-c', work).stdout, /\.npm-global/);
    const unconfirmed = world.paude('delete', name);
    assert.is(unconfirmed.code, 2);
    assert.match(unconfirmed.stderr, /main is at [0-9a-f]{12}, which is not in this repository/);
    assert.is(world.git('pull', '-q', `paude-${name}`, 'main').code, 0);
    assert.is(readFileSync(join(world.repository, 'README'), 'utf8'), 'hello\nmore\n');
    assert.is(world.git('log', '-1', '--format=%an').stdout, 'Ada\n');
    assert.is(world.paude('stop', name).code, 0);
    assert.match(world.paude('list').stdout, new RegExp(`^${name}\tstopped\t`, 'm'));
    world.commit('next', '1');
    assert.is(world.git('push', '-q', `paude-${name}`, 'main').code, 0);
    assert.is(world.paude('exec', name, '--', 'cat', 'next').stdout, '1');
    assert.is(world.paude('delete', name, '--confirm').code, 0);
    assert.is(world.git('remote').stdout.includes(name), false);
    assert.is(world.paude('list').stdout.includes(name), false);
  });

  it('a first push creates; two at once make one session, and both land', async () => {
    const name = world.session('both');
    assert.match(world.paude('remote', 'add', name).stderr, /the first push creates it/);
    const pushes = ['main:one', 'main:two'].map((ref) => world.beside('git', ['push', `paude-${name}`, ref]));
    for (const { code, stderr } of await Promise.all(pushes)) assert.is(code, 0, stderr);
    const refs = world.git('ls-remote', `paude-${name}`).stdout;
    assert.match(refs, /refs\/heads\/one\n/);
    assert.match(refs, /refs\/heads\/two\n/);
  });

  it('creates at once, beside a push that creates, in one repository: each is whole; and so are deletes', async () => {
    const names = ['first', 'second', 'third'].map(world.session);
    const all = (work: (name: string, number: number) => Promise<Outcome>) =>
      Promise.all(names.map(work)).then((outcomes) => {
        for (const { code, stderr } of outcomes) assert.is(code, 0, stderr);
      });
    await all((name, number) =>
      number < 2
        ? world.beside('git', ['paude', 'create', name])
        : world.beside('git', ['push', ground.url(name), 'main']),
    );
    // Of one that is there already, the remote is added.
    await all((name) => world.beside('git', ['paude', 'create', name]));
    for (const name of names) {
      assert.match(world.git('remote', 'get-url', `paude-${name}`).stdout, `/${name}\n`);
      assert.is(world.git('config', `remote.paude-${name}.skipFetchAll`).stdout, 'true\n');
      assert.ok(ground.isWhole(name));
    }
    await all((name) => world.beside('git', ['paude', 'delete', name, '--confirm']));
    for (const name of names) assert.is(world.git('remote').stdout.includes(name), false);
  });

  it('a command that leaves most of its input unread ends with its own words and code', async () => {
    const name = world.session('both');
    assert.is(world.git('push', '-q', ground.url(name), 'main').code, 0);
    const shell = 'yes | git paude exec "$0" -- sh -c "$1"; exit ${PIPESTATUS[1]}';
    for (const [script, ...expected] of [
      ['head -n 1', 0, 'y\n', ''],
      ['kill -9 $$', 137, '', 'Killed\n'],
    ] as const) {
      const { code, stdout, stderr } = await world.beside('bash', ['-c', shell, name, script]);
      assert.equal([code, stdout, stderr], expected);
    }
  });

  it('a clone, a linked worktree, and fetches that wake nothing', () => {
    const name = world.session('both');
    const clone = join(world.root, 'clone');
    assert.is(world.run('git', ['clone', '-q', '-b', 'one', ground.url(name), clone], world.root).code, 0);
    assert.ok(existsSync(join(clone, 'README')));
    world.git('worktree', 'add', '-q', '-b', 'linked', join(world.root, 'linked tree'));
    const linked = world.run(
      'git',
      ['push', '-q', `paude-${name}`, 'linked'],
      join(world.root, 'linked tree'),
    );
    assert.is(linked.code, 0, linked.stderr);
    world.paude('stop', name);
    assert.is(world.git('fetch', '--all').code, 0);
    assert.match(world.paude('list').stdout, new RegExp(`^${name}\tstopped\t`, 'm'));
    const never = world.git('-c', 'paude.autoStart=never', 'fetch', `paude-${name}`);
    assert.is(never.code, 128);
    assert.match(never.stderr, /git paude start/);
    assert.match(world.git('fetch', ground.url(world.session('none'))).stderr, /there is no session/);
  });

  it('the container killed in mid-push: git ends with a true message, and the repository is whole', async () => {
    const name = world.session('both');
    world.paude('start', name, '--detach');
    world.git('checkout', '-qb', 'big');
    world.commit('big', randomBytes(150 * 2 ** 20));
    const push = world.start('git', ['push', '--progress', `paude-${name}`, 'big']);
    let said = '';
    push.stderr!.setEncoding('utf8').on('data', (text: string) => (said += text));
    const ended = new Promise((resolve) => push.once('close', resolve));
    await until(
      () => said,
      (text) => /Writing objects: +[1-9]/.test(text),
    );
    ground.kill(name);
    assert.is.not(await ended, 0);
    assert.match(said, /the session \S+ ended/, said);
    assert.is(world.git('push', '-q', `paude-${name}`, 'big').code, 0);
    assert.is(world.paude('exec', name, '--', 'git', 'fsck', '--full').code, 0);
    assert.is(
      world.paude('exec', name, '--', 'sh', '-c', 'ls .git/objects | grep -c tmp_objdir').stdout,
      '0\n',
    );
    world.git('checkout', '-q', 'main');
  });

  it('a hostile .paude.json stops the push until it is trusted, and scripts beside it never run', () => {
    const name = world.session('hostile');
    const ran = join(world.root, 'ran');
    const script = `require('node:fs').writeFileSync(${JSON.stringify(ran)}, '')`;
    for (const file of ['.pauderc.js', '.pauderc.cjs', 'paude.config.cjs', '.pauderc']) {
      writeFileSync(join(world.repository, file), script);
    }
    writeFileSync(join(world.repository, '.paude.json'), '{ "yolo": true, /* and */ "memory": "2Gi", }');
    world.git('remote', 'add', `paude-${name}`, ground.url(name));
    const refused = world.git('push', `paude-${name}`, 'main');
    assert.is(refused.code, 128);
    assert.match(refused.stderr, /needs your consent: yolo/);
    assert.match(refused.stderr, /git paude trust/);
    assert.is(world.paude('trust', '--show').stdout, 'yolo\ttrue\n');
    assert.is(world.paude('trust').code, 0);
    assert.match(world.paude('config').stdout, /^yolo\ttrue\trepository /m);
    writeFileSync(join(world.repository, '.paude.json'), '{ "yolo": true, "memory": "3Gi" }');
    assert.is(world.paude('create', name).code, 1);
    writeFileSync(join(world.repository, '.paude.json'), '{\n  "meory": "3Gi"\n}');
    const unknown = world.paude('config');
    assert.is(unknown.code, 1);
    assert.match(unknown.stderr, /\.paude\.json:2:3: .*"meory"/);
    assert.match(unknown.stderr, /"memory"/);
    world.run('rm', [join(world.repository, '.paude.json')]);
    symlinkSync('/etc/passwd', join(world.repository, '.paude.json'));
    assert.match(world.paude('config').stderr, /symbolic link/);
    world.run('rm', [join(world.repository, '.paude.json')]);
    assert.is(existsSync(ran), false);
    assert.is(world.paude('list').stdout.includes(name), false);
  });

  it('hostile names of branches are names, and nothing more', () => {
    const name = world.session('branches');
    const url = ground.url(name);
    const branches = [
      '$(touch${IFS}harmed)',
      ';touch${IFS}harmed;',
      '`id`',
      "it's",
      '-x',
      '--exec=id',
      '\u202eevil',
    ];
    const oid = world.git('rev-parse', 'HEAD').stdout.trim();
    for (const branch of branches) {
      const ref = `refs/heads/${branch}`;
      assert.is(world.git('update-ref', ref, oid).code, 0, branch);
      // The one that is checked out goes to the far side as an argument of its own, too.
      world.git('symbolic-ref', 'HEAD', ref);
      const pushed = world.git('push', '-q', url, `${ref}:${ref}`);
      assert.is(pushed.code, 0, pushed.stderr);
    }
    world.git('symbolic-ref', 'HEAD', 'refs/heads/main');
    for (const branch of branches) world.git('update-ref', '-d', `refs/heads/${branch}`);
    const inSession = (...command: string[]) => world.paude('exec', name, '--', ...command).stdout;
    assert.is(inSession('git', 'symbolic-ref', 'HEAD'), `refs/heads/${branches[0]}\n`);
    assert.is(inSession('git', 'for-each-ref', 'refs/heads').split('\n').length, branches.length + 1);
    assert.is(inSession('find', '/pvc', '/run/paude', '/home', '/tmp', '-name', 'harmed'), '');
    inSession('git', 'commit', '-q', '--allow-empty', '-m', 'more');
    inSession('git', 'branch', '-f', '\u202eevil');
    const asked = world.paude('delete', name);
    assert.is(asked.code, 2);
    assert.ok(asked.stderr.includes(`${branches[0]} is at `), asked.stderr);
    assert.match(asked.stderr, /\\u202eevil is at /);
    assert.is(existsSync(join(world.repository, 'harmed')), false);
  });

  it('hostile names and URLs do nothing', () => {
    // In whatever would be made of it this stands.
    const mark = `h${process.pid}`;
    for (const name of [`../${mark}`, `--${mark}`, mark.toUpperCase(), `${mark} b`, mark.padEnd(41, 'x')]) {
      assert.is(
        world.paude('create', '--', name).code === 0 || world.paude('stop', name).code === 0,
        false,
        name,
      );
    }
    for (const url of [
      `paude::--upload-pack=touch\${IFS}${mark}`,
      `paude::${mark}`,
      `paude://podman/${mark}%0ay`,
      `paude://docker/${mark}`,
    ]) {
      assert.is(world.git('fetch', url).code, 128, url);
    }
    const module = `[submodule "m"]\n\tpath = m\n\turl = ${ground.url(`${mark}-evil`)}\n`;
    const hostile = join(world.root, 'hostile');
    world.run('git', ['init', '-q', hostile], world.root);
    writeFileSync(join(hostile, '.gitmodules'), module);
    const oid = world.git('rev-parse', 'HEAD').stdout.trim();
    world.run('git', ['update-index', '--add', '--cacheinfo', `160000,${oid},m`], hostile);
    const update = world.run('git', ['submodule', 'update', '--init'], hostile);
    assert.is.not(update.code, 0);
    assert.match(update.stderr, /transport 'paude' not allowed/);
    assert.equal(
      ground.names().filter((name) => name.toLowerCase().includes(mark)),
      [],
    );
    assert.is(existsSync(join(world.repository, mark)), false);
  });
}
