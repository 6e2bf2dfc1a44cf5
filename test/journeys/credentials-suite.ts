import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as assert from 'uvu/assert';
import { suite } from '../harness/suite.ts';
import { canaryHome, type CanaryHome } from './canary-home.ts';
import { PersonTerminal } from './person-terminal.ts';
import { filesWith, openFilesWith, nameOf, processesWith, scanInside } from './scan.ts';
import type { Ground } from './ground.ts';
import { until, World, type Outcome } from './world.ts';

const model = readFileSync(fileURLToPath(new URL('../harness/model.mjs', import.meta.url)));
const port = 41417;

/** Where sessions run, for a day's work with secrets in every file. */
export interface Place {
  readonly ground: Ground;
  /** The folders on disks that are a session's own, or that tell of it. */
  readonly disks: (session: string) => readonly string[];
  /** All that anything of the backend is written to. */
  readonly everything: () => readonly string[];
  /** Everything that an API or a log says of a session. */
  readonly said: (session: string) => string;
}

/** For node in the session: reads a file where it landed and in the home until told; counts what it saw, by letter. */
const readInALoop = `
const { existsSync, readFileSync, realpathSync, writeFileSync } = require('fs');
const landed = '/credentials/config/home/.claude';
const counts = { torn: 0 };
while (!existsSync('/tmp/enough')) {
  // The last one by the name that its folder has now: a sync may come between.
  for (const folder of [process.env.HOME + '/.claude', landed, realpathSync(landed)]) {
    const text = readFileSync(folder + '/big', 'latin1');
    const what = text.length === 3000000 && text === text[0].repeat(3000000) ? text[0] : 'torn';
    counts[what] = (counts[what] ?? 0) + 1;
  }
  writeFileSync('/tmp/reads', '');
}
process.stdout.write(JSON.stringify(counts));
`;

/** A day's work on one kind of backend, and the scan. */
export function credentialsJourney(place: Place): void {
  const { ground } = place;
  const { skip } = ground;
  const test = suite(`journey: credentials, ${ground.title}`);
  const it = test.skipIf(skip);
  let world: World;
  let home: CanaryHome;
  let name: string;
  let since: string;

  test.before(() => {
    if (skip !== undefined) return;
    world = new World(ground);
    home = canaryHome(world.home);
    name = world.session('day');
    since = join(world.root, 'since');
    writeFileSync(since, '');
  });
  test.after(() => {
    if (skip === undefined) world.end();
  });

  /** As a person whose shell has a key. */
  const withShell = (...args: string[]): Outcome =>
    world.run('git', ['paude', ...args], world.repository, {
      ANTHROPIC_API_KEY: home.canaries['key'],
      ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}`,
    });
  const inside = (script: string, input = '') => {
    const args = ['paude', 'exec', name, '--', 'sh', '-c', script];
    const done = spawnSync('git', args, { cwd: world.repository, env: world.env, input, encoding: 'utf8' });
    return done.stdout;
  };
  const status = () => world.paude('hooks', 'status').stdout;
  /** As if a minute had gone by since the hook last ran. */
  const later = () => utimesSync(join(world.repository, '.git/paude/hook.ran'), new Date(0), new Date(0));
  const words = () => Object.values(home.canaries);
  const never = () =>
    ['refresh-token', 'mcp-token', 'excluded-history', 'excluded-conversation', 'excluded-cache'].map(
      (source) => home.canaries[source]!,
    );

  /**
   * Nothing on a disk, in an object, in an argument or in an environment, but for what the person's own shell hands to
   * the commands that she gives. The agent writes its instructions into its conversation, which is to last.
   */
  const scan = (everywhere = false) => {
    const folders = everywhere ? place.everything() : place.disks(name);
    const disks = filesWith(words(), folders, since);
    const conversations = disks.filter((file) => /\/\.claude\/projects\/.*\.jsonl$/.test(file));
    assert.equal(
      disks.filter((file) => !conversations.includes(file)),
      [],
      'on a disk',
    );
    for (const file of conversations) {
      const found = words().filter((word) => readFileSync(file, 'utf8').includes(word));
      assert.equal(found, [home.canaries['memory']], 'in a conversation');
    }
    const objects = place.said(name);
    assert.equal(
      words()
        .filter((word) => objects.includes(word))
        .map(nameOf),
      [],
      'in an object',
    );
    assert.equal(processesWith(words(), 'cmdline'), [], 'in arguments');
    const others = processesWith(words(), 'environ').filter(
      (row) => !/\((sh|sleep|git|node|\/[^ ]*git-paude)\b/.test(row) && !isAgent(row),
    );
    assert.equal(others, [], 'in an environment');
  };
  /** The one exception: a bearer token, for the agent's own process and what it starts. */
  const isAgent = (row: string) => /environ .*canary-bearer/.test(row) && !/canary-(?!bearer)/.test(row);
  const scanSession = () => {
    const rows = inside(scanInside, words().join('\n')).split('\n').filter(Boolean);
    return rows.filter((row) => !isAgent(row) && !/^file .*\/projects\/.*\.jsonl$/.test(row));
  };

  it('a push starts the session, and the credentials are there when it ends', () => {
    assert.is(withShell('create', name).code, 0);
    const pushed = world.run('git', ['push', '-q', `paude-${name}`, 'main'], world.repository, {
      ANTHROPIC_API_KEY: home.canaries['key'],
    });
    assert.is(pushed.code, 0, pushed.stderr);
    assert.not.match(pushed.stderr, /warning/);
    const read = (path: string) => inside(`cat ~/${path}`);
    assert.match(read('.config/gcloud/application_default_credentials.json'), home.canaries['gcloud']!);
    assert.match(read('.config/gcloud/credentials.db'), home.canaries['gcloud-db']!);
    assert.match(
      inside('git config --global --list'),
      `alias.included=${home.canaries['gitconfig-included']}`,
    );
    assert.match(inside('cat ~/.config/git/ignore'), home.canaries['git-ignore']!);
    assert.match(read('.claude/settings.json'), home.canaries['settings']!);
    assert.match(read('.claude/CLAUDE.md'), home.canaries['memory']!);
    assert.match(read('.claude/credentials.json'), home.canaries['credentials']!);
    assert.match(read('.claude/.credentials.json'), home.canaries['access-token']!);
    assert.match(read('.claude.json'), home.canaries['state']!);
    assert.match(
      read('.claude/plugins/installed_plugins.json'),
      '/home/paude/.claude/plugins/cache/market/plug/1.0.0',
    );
    assert.is(inside('cat /credentials/login/keys/ANTHROPIC_API_KEY'), home.canaries['key']);
  });

  it('what is never to leave the host did not, not even into memory', () => {
    const found = inside(
      'words=$(cat); grep -rlaF -e "$words" /credentials/ ~ /pvc /tmp /run/paude 2>/dev/null',
      never().join('\n'),
    );
    assert.is(found, '');
  });

  it('the agent can’t write where they land', () => {
    const tried = inside(
      'for f in /credentials/x /credentials/login/x /credentials/login/keys/ANTHROPIC_API_KEY; do (echo x >"$f") 2>&1; done',
    );
    assert.is(tried.match(/Read-only file system/g)?.length, 3, tried);
  });

  it('connect: the real agent starts with the synced home, asks nothing, and the next login of the laptop is there at once', async () => {
    const terminal = new PersonTerminal(world, `git paude connect ${name}`, {
      ANTHROPIC_API_KEY: home.canaries['key']!,
    });
    await until(terminal.screen, (text) => /Claude Code/.test(text) && /│|>|❯/.test(text));
    assert.not.match(terminal.screen(), /Do you want|trust this|text style|Select login/i);
    scan();
    assert.equal(scanSession(), []);
    terminal.detach();
    await until(terminal.screen, (text) => /ended with \d/.test(text));
    terminal.end();
    const token = home.renew('gcloud');
    assert.is(withShell('sync', name).code, 0);
    assert.match(inside('cat ~/.config/gcloud/application_default_credentials.json'), token);
    assert.match(withShell('sync', name).stderr, 'nothing was sent');
  });

  it('the agent works with plugins from rewritten paths, also of a marketplace outside of its folder, and makes a commit', async () => {
    const commit = {
      command: 'echo agent > made && git add made && git commit -qm "by the agent"',
      description: 'x',
    };
    const answers = JSON.stringify([{ name: 'Bash', input: commit }, 'It is done.']);
    const server = world.start('git', ['paude', 'exec', name, '--', 'node', '-', String(port), answers]);
    server.stdin!.end(model);
    await until(
      () => inside(`curl -s -o /dev/null http://127.0.0.1:${port}; echo $?`),
      (text) => text === '0\n',
    );
    const shell = {
      ANTHROPIC_AUTH_TOKEN: home.canaries['bearer'],
      ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}`,
    };
    assert.is(world.run('git', ['paude', 'sync', name], world.repository, shell).code, 0);
    const asked = world.paude(
      'exec',
      name,
      '--',
      'claude',
      '-p',
      'Make it',
      '--dangerously-skip-permissions',
    );
    assert.is(asked.code, 0, asked.stderr + asked.stdout);
    assert.is(world.git('pull', '-q', `paude-${name}`, 'main').code, 0);
    assert.is(world.git('log', '-1', '--format=%s').stdout, 'by the agent\n');
    assert.is(inside('cat ~/plug-ran'), '/home/paude/.claude/plugins/cache/market/plug/1.0.0\n');
    // Its marketplace is a folder of hers: where that is not there, the agent does not load it.
    assert.is(inside('cat ~/aside-ran'), '/home/paude/.claude/plugins/cache/side/aside/1.0.0\n');
    assert.equal(scanSession(), []);
    scan();
    server.kill();
  });

  it('the scan finds what lies on a disk, in an argument or in an environment', async () => {
    const control = `canary-control-${randomBytes(9).toString('hex')}`;
    inside('cat >/pvc/control', control);
    assert.is(
      filesWith([control], place.disks(name), since).filter((file) => file.endsWith('/control')).length,
      1,
    );
    assert.match(inside(scanInside, control), 'file /pvc/control');
    const far = world.start('git', ['paude', 'exec', name, '--', 'env', `X=${control}`, 'sleep', '300']);
    await until(
      () => inside(scanInside, control),
      (text) => /environ canary-control of sleep/.test(text),
    );
    assert.ok(processesWith([control], 'cmdline').length > 0);
    far.kill();
    const open = join(world.root, 'control');
    writeFileSync(open, control);
    const holder = world.start('sh', ['-c', 'exec 3<"$0"; cat', open]);
    const held = () => openFilesWith([control], /exec 3</, world.home);
    await until(held, (rows) => rows.length > 0);
    holder.kill();
    rmSync(open);
    inside('rm /pvc/control');
  });

  it('a checkout refreshes them in the background, and tells in the log what it did', async () => {
    assert.is(world.paude('hooks', 'install').code, 0);
    const token = home.renew('gcloud');
    assert.equal(world.git('checkout', '-q', '-b', 'one'), { code: 0, stdout: '', stderr: '' });
    const file = '~/.config/gcloud/application_default_credentials.json';
    await until(
      () => inside(`cat ${file}`),
      (text) => text.includes(token),
    );
    await until(status, (text) => /: sent\n/.test(text));
    // What the hook's shell does not have is not taken away.
    assert.is(inside('cat /credentials/login/keys/ANTHROPIC_AUTH_TOKEN'), home.canaries['bearer']);
    scan();
  });

  it('the hook of a repository starts nothing, and a backend that is gone is a line in its log', async () => {
    assert.is(world.paude('stop', name).code, 0);
    later();
    assert.is(world.git('checkout', '-q', '-b', 'two').code, 0);
    await until(status, (text) => /not running/.test(text));
    assert.match(world.paude('list').stdout, new RegExp(`^${name}\tstopped`, 'm'));
    later();
    const gone = { CONTAINER_HOST: 'tcp://127.0.0.1:1', CONTAINERS_CONF: '', KUBECONFIG: '/nowhere' };
    const checkout = world.run('git', ['checkout', '-q', '-b', 'three'], world.repository, gone);
    assert.equal(checkout, { code: 0, stdout: '', stderr: '' });
    await until(status, (text) => /BACKEND_|KUBECONFIG_/.test(text));
    assert.is(withShell('start', name, '--detach').code, 0);
  });

  it('what the commands say has nothing of it, however much they are asked to say', () => {
    const traced = { PAUDE_TRACE: '1', ANTHROPIC_API_KEY: home.canaries['key'] };
    const say = (...args: string[]) => {
      const { stdout, stderr } = world.run('git', ['paude', ...args], world.repository, traced);
      return stdout + stderr;
    };
    writeFileSync(join(world.home, '.claude/.credentials.json'), home.canaries['refresh-token']!);
    const texts = [
      say('sync', name, '--full', '--verbose'),
      say('sync', '--dry-run'),
      say('sync', 'no-such'),
      say('config'),
    ];
    assert.equal(
      words()
        .filter((word) => texts.join('').includes(word))
        .map(nameOf),
      [],
    );
    home.renew('memory');
  });

  it('a sync that is killed in the middle leaves all as it was, and the next one is whole', async () => {
    const before = inside('cat ~/.claude/CLAUDE.md');
    home.renew('memory');
    for (const milliseconds of [150, 300, 450, 600, 900]) {
      const sync = world.start('git', ['paude', 'sync', name, '--full']);
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      sync.kill('SIGKILL');
      const now = inside('cat ~/.claude/CLAUDE.md');
      assert.ok(now === before || now === home.canaries['memory'], 'one or the other');
    }
    const synced = withShell('sync', name, '--full');
    assert.is(synced.code, 0, synced.stderr);
    assert.is(inside('cat ~/.claude/CLAUDE.md'), home.canaries['memory']);
    scan();
  });

  it('while it is synced, nobody’s arguments or environment have any of it, nor what the client holds open', async () => {
    home.renew('memory');
    const sync = world.beside('git', ['paude', 'sync', name, '--full', '--verbose']);
    let over = false;
    void sync.then(() => (over = true));
    const found = new Set<string>();
    let rounds = 0;
    // Whose shell has a secret is not running now, but for the agent's one exception.
    while (!over) {
      for (const file of ['cmdline', 'environ'] as const)
        for (const row of processesWith(words(), file)) if (!isAgent(row)) found.add(row);
      for (const row of openFilesWith(words(), /git-paude|podman|kubectl/, world.home)) found.add(row);
      rounds++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { code, stderr } = await sync;
    assert.is(code, 0, stderr);
    assert.equal([...found], []);
    assert.ok(rounds > 1, String(rounds));
  });

  it('a sync while somebody reads: never half a file, and never none', async () => {
    const big = join(world.home, '.claude/big');
    const write = (letter: string) => writeFileSync(big, letter.repeat(3_000_000));
    write('a');
    assert.is(withShell('sync', name, '--full').code, 0);
    const reader = world.start('git', ['paude', 'exec', name, '--', 'node', '-e', readInALoop]);
    const said = reader.stdout!.setEncoding('utf8').toArray();
    await until(
      () => inside('ls /tmp/reads'),
      (text) => text !== '',
    );
    for (const letter of 'bcdef') {
      write(letter);
      assert.is(withShell('sync', name, '--full').code, 0);
    }
    inside('touch /tmp/enough');
    const counts = JSON.parse((await said).join('')) as Readonly<Record<string, number>>;
    inside('rm /tmp/enough /tmp/reads');
    assert.is(counts['torn'], 0);
    for (const letter of 'af') assert.ok(counts[letter]! > 0, JSON.stringify(counts));
    rmSync(big);
    assert.is(withShell('sync', name, '--full').code, 0);
  });

  it('200 MB are named before anything is sent; 45 MB and 10,000 files arrive whole', () => {
    const big = join(world.home, '.claude/big');
    const many = join(world.home, '.claude/skills/many');
    writeFileSync(big, '');
    truncateSync(big, 200e6);
    const refused = withShell('sync', name, '--full');
    assert.is(refused.code, 1);
    assert.match(refused.stderr, /the largest are ~\/\.claude\/big \(191 MiB\)/);
    const before = inside('ls ~/.claude/big; cat ~/.claude/CLAUDE.md');
    assert.is(before, home.canaries['memory']);
    const content = randomBytes(45e6);
    writeFileSync(big, content);
    for (let number = 0; number < 10_000; number++) {
      const folder = join(many, String(number % 100));
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, String(number)), String(number));
    }
    const synced = withShell('sync', name, '--full');
    assert.is(synced.code, 0, synced.stderr);
    assert.match(inside('sha256sum ~/.claude/big'), createHash('sha256').update(content).digest('hex'));
    assert.is(inside('cd ~/.claude/skills/many && ls */* | wc -l && cat 99/9999'), '10000\n9999');
    for (const path of [big, many]) rmSync(path, { recursive: true });
    assert.is(withShell('sync', name, '--full').code, 0);
    assert.is(inside('ls -d ~/.claude/big ~/.claude/skills/many/*/* 2>/dev/null'), '');
  });

  it('a stop, and a crash: the credentials are gone, and the next start brings them; the conversation stays', async () => {
    for (const end of [() => void world.paude('stop', name), () => ground.kill(name)]) {
      end();
      scan();
      const started = withShell('start', name, '--detach', '--no-sync');
      assert.is(started.code, 0, started.stderr);
      assert.is(inside('ls /credentials; ls ~/.config/gcloud ~/.gitconfig 2>/dev/null'), '');
      assert.match(inside('ls ~/.claude/projects/*'), 'jsonl');
      const again = withShell('start', name, '--detach');
      assert.is(again.code, 0, again.stderr);
      assert.is(inside('cat ~/.claude/CLAUDE.md'), home.canaries['memory']);
    }
    scan();
  });

  it('after a delete, nothing is left anywhere', () => {
    scan(true);
    assert.is(world.paude('delete', name, '--confirm').code, 0);
    scan(true);
    const left = world.paude('list').stdout;
    assert.not.match(left, name);
  });

  test.run();
}
