import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { buildSync } from 'esbuild';
import * as assert from 'uvu/assert';
import { claude } from '../../lib/agents/claude.ts';
import { credentialsOf, planHome } from '../../lib/credentials/credentials.ts';
import { checkSize, pack, roomIn } from '../../lib/credentials/pack.ts';
import { isPaudeError } from '../../lib/errors.ts';
import type { Part } from '../../lib/session/credentials.ts';
import { suite } from '../harness/suite.ts';
import { hostFolder, type HostFolder } from './host-folder.ts';
import { unpack } from './unpack.ts';

const test = suite('plan of credentials');
let host: HostFolder;
test.before.each(() => void (host = hostFolder()));
test.after.each(() => host.remove());

const destinations = async () => {
  const { going } = await planHome(claude, host, false);
  return new Map(going.map(({ to, part }) => [to, part]));
};
const texts = async (part: Part) => unpack((await credentialsOf(claude, host).parcel(part)).body);

test('a file that the user named is followed where it is a link', async () => {
  const link = (path: string, content: string) => {
    const to = host.write(`vault/${path.replaceAll('/', '-')}`, content);
    mkdirSync(dirname(join(host.home, path)), { recursive: true });
    symlinkSync(to, join(host.home, path));
    return join(host.home, path);
  };
  host.env['GOOGLE_APPLICATION_CREDENTIALS'] = link('key.json', '{"k":1}');
  link('.config/git/ignore', '*.x\n');
  const key = 'home/.config/gcloud/google-application-credentials.json';
  assert.is((await texts('tokens')).get(key), '{"k":1}');
  assert.is((await texts('config')).get('home/.config/git/ignore'), '*.x\n');
  assert.is((await planHome(claude, host, false)).going.find(({ to }) => to === key)?.size, 7);
  link('ignored', '*.y\n');
  host.write('.gitconfig', '[core]\n\texcludesFile = ~/ignored\n');
  assert.is((await texts('config')).get('home/.config/git/ignore'), '*.y\n');
  rmSync(join(host.home, 'vault'), { recursive: true });
  const { staying } = await planHome(claude, host, false);
  assert.match(staying.find(({ from }) => from.endsWith('key.json'))!.why, 'it is not there');
});

test('a login that is a link in the folder goes as one: the access token alone, and nothing of what it leads to', async () => {
  const login = { claudeAiOauth: { accessToken: 'short', refreshToken: 'renews', expiresAt: 4e12 } };
  for (const to of ['credentials.work.json', 'accounts/work.json']) {
    host.write(`.claude/${to}`, JSON.stringify(login));
    rmSync(join(host.home, '.claude/.credentials.json'), { force: true });
    symlinkSync(to, join(host.home, '.claude/.credentials.json'));
    const tokens = await texts('tokens');
    assert.match(tokens.get('home/.claude/.credentials.json')!, 'short');
    for (const part of [tokens, await texts('config')])
      assert.not.ok(
        [...part.values()].some((text) => text.includes('renews')),
        to,
      );
    const ends = await credentialsOf(claude, host).loginEnds();
    assert.is(ends?.getTime(), 4e12);
    rmSync(join(host.home, '.claude', to));
  }
});

test('a copy of the login stays at home, whatever it is called and however much of it is there', async () => {
  const login = '{"claudeAiOauth": {"accessToken": "short", "scopes": ["x"], "refreshToken": "renews"';
  const copies = [
    '.credentials.json.bak',
    '.credentials.json~',
    'credentials.json.1',
    '..credentials.json.swp',
  ];
  for (const name of copies) host.write(`.claude/${name}`, `${login}}}`);
  host.write('.claude/accounts/work', `${login}}}`);
  host.write('.claude/tmp.1', login);
  host.write('.claude/skills/login.md', 'There is a refreshToken in claudeAiOauth.');
  const { notices, body, incomplete } = await credentialsOf(claude, host).parcel('config');
  const why = "stays: it holds what renews the agent's login";
  assert.equal(notices, [`~/.claude/accounts/work ${why}`, `~/.claude/tmp.1 ${why}`]);
  assert.equal([incomplete, ...unpack(body).keys()], [false, 'home/.claude/skills/login.md']);
  const { staying } = await planHome(claude, host, false);
  assert.equal(
    staying.map(({ from, why }) => [from.replace('~/.claude/', ''), why]),
    [...copies].sort().map((name) => [name, "a copy of the agent's login"]),
  );
});

test('what is excluded stays where a link in the folder leads to it, too', async () => {
  host.write('.claude/data/projects/x/1.jsonl', 'said');
  host.write('.claude/data/CLAUDE.md', 'x');
  host.write('.claude/data/typed', 'secret');
  symlinkSync('data/projects', join(host.home, '.claude/projects'));
  symlinkSync('data/typed', join(host.home, '.claude/history.jsonl'));
  assert.equal([...(await texts('config')).keys()], ['home/.claude/data/CLAUDE.md']);
  const { staying } = await planHome(claude, host, false);
  assert.equal(
    staying.map(({ from }) => from),
    ['data/projects/x/1.jsonl', 'data/typed', 'history.jsonl', 'projects'].map((path) => `~/.claude/${path}`),
  );
});

test('what the mission lists as synced goes, file by file', async () => {
  for (const path of [
    '.config/gcloud/application_default_credentials.json',
    '.config/gcloud/credentials.db',
    '.config/gcloud/configurations/config_default',
    '.claude/settings.json',
    '.claude/credentials.json',
    '.claude/plugins/installed_plugins.json',
    '.claude/plugins/known_marketplaces.json',
    '.claude/plugins/cache/market/plugin/1.0/plugin.json',
    '.claude/plugins/marketplaces/market/.claude-plugin/marketplace.json',
    '.claude/CLAUDE.md',
    '.claude/commands/a.md',
    '.claude/skills/a/SKILL.md',
    '.claude/skills/a/tasks/not-excluded',
    '.claude/agents/a.md',
    '.claude.json',
  ])
    host.write(path, '{}');
  host.write('.gitconfig', '[user]\n\tname = A\n');
  const going = await destinations();
  const login = [...going].filter(([, part]) => part === 'tokens').map(([to]) => to);
  assert.equal(login.sort(), [
    'home/.claude/credentials.json',
    'home/.config/gcloud/application_default_credentials.json',
    'home/.config/gcloud/configurations/config_default',
    'home/.config/gcloud/credentials.db',
  ]);
  for (const to of [
    '.claude.json',
    '.claude/CLAUDE.md',
    '.claude/agents/a.md',
    '.claude/commands/a.md',
    '.claude/plugins/cache/market/plugin/1.0/plugin.json',
    '.claude/plugins/installed_plugins.json',
    '.claude/plugins/known_marketplaces.json',
    '.claude/plugins/marketplaces/market/.claude-plugin/marketplace.json',
    '.claude/settings.json',
    '.claude/skills/a/SKILL.md',
    '.claude/skills/a/tasks/not-excluded',
    '.gitconfig',
  ])
    assert.is(going.get(`home/${to}`), 'config', to);
});

test('what the mission lists as excluded stays, file by file, at the top only', async () => {
  const stays = [
    'history.jsonl',
    'tasks/a',
    'todos/a.json',
    'cache/a',
    'stats-cache.json',
    'debug/a',
    'file-history/a/b',
    'projects/-home-u-x/1.jsonl',
    'shell-snapshots/a.sh',
    'sessions/a',
    'backups/.claude.json.backup',
    // What its own runner leaves out where it hands a folder on to sessions elsewhere.
    '.session_ingress_token',
    'hfi-auth.json',
    'server-sessions.json',
    'file-transfers/a',
    'api-dumps/a',
    'scratch/a',
    '.claude.json.backup.1',
    '.device-keys.json',
    '.device-keys.json.corrupt-1-2-ab',
  ];
  for (const path of stays) host.write(`.claude/${path}`, 'x');
  host.write('.claude/plugins/cache/a', 'x');
  const { going, staying } = await planHome(claude, host, true);
  assert.equal(
    going.map(({ to }) => to),
    ['home/.claude/plugins/cache/a'],
  );
  assert.equal(staying.map(({ from }) => from).sort(), stays.map((path) => `~/.claude/${path}`).sort());
  assert.ok(staying.every(({ why, size }) => why !== '' && size === 1));
});

test('of the agent’s own login the access token goes, and never what renews it', async () => {
  const login = { accessToken: 'a-token', refreshToken: 'r-token', expiresAt: 5, scopes: ['x'], other: 'o' };
  host.write(
    '.claude/.credentials.json',
    JSON.stringify({ claudeAiOauth: login, mcpOAuth: { s: { refreshToken: 'm' } } }),
  );
  const sent = (await texts('tokens')).get('home/.claude/.credentials.json')!;
  assert.equal(JSON.parse(sent), {
    claudeAiOauth: { accessToken: 'a-token', expiresAt: 5, scopes: ['x'] },
  });
});

test('of a login that can’t be read just now the session keeps what it has, and what is in it is not told', async () => {
  for (const half of ['sk-secret {', '']) {
    host.write('.claude/.credentials.json', half);
    const { notices, body, incomplete } = await credentialsOf(claude, host).parcel('tokens');
    const why = "it can't be read as a login; the session's old copy stays";
    assert.equal(notices, [`~/.claude/.credentials.json stays: ${why}`]);
    assert.equal([incomplete, ...unpack(body)], [true, ['keep', 'home/.claude/.credentials.json\0']]);
  }
});

test('of gcloud’s login, of the file that a variable names and of the agent’s state, too', async () => {
  const half = '{"type": "authorized_';
  host.write('.config/gcloud/application_default_credentials.json', half);
  host.env['GOOGLE_APPLICATION_CREDENTIALS'] = host.write('key.json', half);
  const { incomplete, body } = await credentialsOf(claude, host).parcel('tokens');
  const to = ['application_default_credentials.json', 'google-application-credentials.json'];
  const keep = to.map((name) => `home/.config/gcloud/${name}\0`).join('');
  assert.equal([incomplete, ...unpack(body)], [true, ['keep', keep]]);
  host.write('.claude.json', '');
  const config = await credentialsOf(claude, host).parcel('config');
  assert.equal([config.incomplete, ...unpack(config.body)], [true, ['keep', 'home/.claude.json\0']]);
});

test('a database’s journals are said to go with it, and are counted', async () => {
  for (const [suffix, size] of Object.entries({ '': 5, '-wal': 3, '-shm': 2 }))
    host.write(`.config/gcloud/access_tokens.db${suffix}`, 'x'.repeat(size));
  const { going } = await planHome(claude, host, false);
  assert.equal(
    going.map(({ from, size, why }) => [from, size, why]),
    [['~/.config/gcloud/access_tokens.db', 10, "gcloud's credentials, with its journals -shm, -wal"]],
  );
});

test('who has logged out is logged out in the session, too', async () => {
  host.write('.claude/.credentials.json', '{"mcpOAuth":{}}');
  const { notices, body, incomplete } = await credentialsOf(claude, host).parcel('tokens');
  assert.equal(notices, ['~/.claude/.credentials.json stays: there is no login in it']);
  assert.equal([incomplete, ...unpack(body)], [false]);
});

test('a database that can’t be read keeps its journals, too', async () => {
  const to = 'home/.config/gcloud/credentials.db';
  // ENAMETOOLONG: also root can't read that.
  const source = { type: 'database', path: `/${'x'.repeat(300)}` } as const;
  const going = [{ part: 'tokens', to, from: '~/x', why: '', size: 0, source }] as const;
  const { body } = await pack({ going, staying: [] }, 'tokens');
  const kept = ['', '-journal', '-wal', '-shm'].map((suffix) => `${to}${suffix}\0`);
  assert.equal([...unpack(body)], [['keep', kept.join('')]]);
});

test('the shell’s logins and settings are files of their own', async () => {
  Object.assign(host.env, {
    ANTHROPIC_API_KEY: 'k',
    ANTHROPIC_MODEL: 'm\n"x"',
    AWS_SECRET: 'no',
    CLOUD_ML_REGION: '',
  });
  assert.equal(
    [...(await texts('login'))],
    [
      ['environment/ANTHROPIC_MODEL', 'm\n"x"'],
      ['keys/ANTHROPIC_API_KEY', 'k'],
    ],
  );
});

test('folders that variables name are taken, and land where the session looks', async () => {
  Object.assign(host.env, {
    CLAUDE_CONFIG_DIR: join(host.home, 'else/claude'),
    CLOUDSDK_CONFIG: join(host.home, 'else/gcloud'),
    GOOGLE_APPLICATION_CREDENTIALS: host.write('else/key.json', '{"k":1}'),
    XDG_CONFIG_HOME: join(host.home, 'else/xdg'),
  });
  host.write('else/claude/CLAUDE.md', 'x');
  host.write('else/claude/.claude.json', `{"p":"${host.home}/else/claude/plugins/a"}`);
  host.write('else/gcloud/credentials.db', 'db');
  host.write('else/xdg/git/config', '[alias]\n\ta = b\n');
  host.write('else/xdg/git/ignore', '*.x\n');
  host.write('.claude/CLAUDE.md', 'the wrong one');
  host.write('.config/gcloud/credentials.db', 'the wrong one');
  const [login, tokens, config] = [await texts('login'), await texts('tokens'), await texts('config')];
  assert.is(config.get('home/.claude/CLAUDE.md'), 'x');
  assert.is(config.get('home/.claude.json'), '{"p":"/home/paude/.claude/plugins/a"}');
  assert.is(config.get('home/.claude/.claude.json'), undefined);
  assert.is(config.get('home/.config/git/ignore'), '*.x\n');
  assert.match(config.get('home/.gitconfig')!, '[alias]\n\ta = "b"\n');
  assert.is(tokens.get('home/.config/gcloud/credentials.db'), 'db');
  const key = 'home/.config/gcloud/google-application-credentials.json';
  assert.is(tokens.get(key), '{"k":1}');
  assert.is(login.get('environment/GOOGLE_APPLICATION_CREDENTIALS'), `/home/paude/${key.slice(5)}`);
});

test('a variable that names the home, or what it is in, sends nothing of it', async () => {
  host.write('.ssh/id_ed25519', 'secret');
  symlinkSync('.', join(host.home, 'it'));
  for (const variable of ['CLAUDE_CONFIG_DIR', 'CLOUDSDK_CONFIG']) {
    for (const folder of [host.home, `${host.home}/`, join(host.home, 'it'), dirname(host.home), '/']) {
      host.env[variable] = folder;
      const error = await credentialsOf(claude, host)
        .parcel('config')
        .catch((thrown: unknown) => thrown);
      assert.ok(isPaudeError(error, 'CONFIG_INVALID'), `${variable}=${folder}`);
      assert.match(error.message, `${variable} is ${folder}`);
    }
    host.env[variable] = `${host.home}.other`;
    assert.equal([...(await texts('config')).keys()], []);
    delete host.env[variable];
  }
});

test('the state is the one that the agent reads: that of an early version, where there is something in it', async () => {
  host.write('.claude.json', '{"a":1}');
  host.write('.claude/.config.json', '');
  assert.equal([...(await texts('config'))], [['home/.claude.json', '{"a":1}']]);
  host.write('.claude/.config.json', '{"primaryApiKey":"k"}');
  assert.equal([...(await texts('config'))], [['home/.claude.json', '{"primaryApiKey":"k"}']]);
  assert.is(await credentialsOf(claude, host).missingLogin(), undefined);
});

test('links: in the folder they go as they are; what leaves it, goes in a circle, or is no file, stays and is named', async () => {
  host.write('.claude/skills/a/SKILL.md', 'x');
  host.write('elsewhere', 'secret');
  const at = (path: string) => join(host.home, '.claude', path);
  symlinkSync(at('skills/a'), at('skills/b'));
  symlinkSync('../elsewhere', at('out'));
  symlinkSync('/etc', at('etc'));
  symlinkSync('round', at('round'));
  symlinkSync('nowhere', at('broken'));
  symlinkSync('.', at('skills/self'));
  execFileSync('mkfifo', [at('pipe')]);
  const server = createServer().listen(at('socket'));
  const { going, staying } = await planHome(claude, host, false);
  server.close();
  assert.equal(
    going.map(({ to, source }) => [to, source.type === 'link' ? source.target : '']),
    [
      ['home/.claude/skills/a/SKILL.md', ''],
      ['home/.claude/skills/b', 'a'],
      ['home/.claude/skills/self', '.'],
    ],
  );
  const why = new Map(staying.map((one) => [one.from.replace('~/.claude/', ''), one.why]));
  assert.equal([...why.keys()].sort(), ['broken', 'etc', 'out', 'pipe', 'round', 'socket']);
  assert.is(why.get('round'), 'a link that goes round in a circle');
  assert.is(why.get('socket'), 'a socket');
});

test('a folder that is a link itself is the user’s way to keep it elsewhere', async () => {
  host.write('dotfiles/claude/CLAUDE.md', 'x');
  symlinkSync('dotfiles/claude', join(host.home, '.claude'));
  assert.is((await texts('config')).get('home/.claude/CLAUDE.md'), 'x');
});

test('names of every kind arrive as they are; one that is not UTF-8 stays and is named', async () => {
  const names = [
    'a b',
    'ü',
    'line\nbreak',
    '-rf',
    'quote\'"',
    'x'.repeat(200),
    `${'deep/'.repeat(60)}end`,
    '\u202Eabc',
    '*',
  ];
  for (const name of names) host.write(`.claude/skills/${name}`, name);
  mkdirSync(join(host.home, '.claude/skills'), { recursive: true });
  execFileSync('sh', ['-c', 'printf x >"$1/$(printf "bad\\377")"', 'sh', join(host.home, '.claude/skills')]);
  const { going, staying } = await planHome(claude, host, false);
  assert.is(going.length, names.length);
  assert.equal(
    staying.map(({ why }) => why),
    ['its name is not UTF-8'],
  );
  const sent = await texts('config');
  for (const name of names) assert.is(sent.get(`home/.claude/skills/${name}`), name, name);
});

test('too much is told before it is read, with the largest files', async () => {
  host.write('.claude/CLAUDE.md', 'x');
  execFileSync('truncate', ['-s', '200M', join(host.home, '.claude/big one')]);
  execFileSync('truncate', ['-s', '5M', join(host.home, '.claude/second')]);
  try {
    await credentialsOf(claude, host).parcel('config');
    assert.unreachable();
  } catch (error) {
    assert.ok(isPaudeError(error, 'CREDENTIALS_TOO_LARGE'), String(error));
    assert.match(error.message, '205 MiB');
    assert.match(error.message, '~/.claude/big one (200 MiB), ~/.claude/second (5 MiB)');
  }
  // What lives shortly has nothing to do with it.
  await credentialsOf(claude, host).parcel('tokens');
});

test('what vanishes, or becomes a link or a pipe, between the plan and the reading stays and is named', async () => {
  for (const name of ['a', 'gone', 'link', 'pipe']) host.write(`.claude/skills/${name}`, name);
  const plan = await planHome(claude, host, false);
  const at = (name: string) => join(host.home, '.claude/skills', name);
  for (const name of ['gone', 'link', 'pipe']) rmSync(at(name));
  symlinkSync('/etc/passwd', at('link'));
  execFileSync('mkfifo', [at('pipe')]);
  const parcel = await pack(plan, 'config');
  assert.equal(parcel.notices, [
    '~/.claude/skills/gone stays: it vanished',
    '~/.claude/skills/link stays: it became a link',
    '~/.claude/skills/pipe stays: it is no file any more',
  ]);
  assert.equal([parcel.incomplete, [...unpack(parcel.body).values()]], [false, ['a']]);
});

test('a session of little memory gets less', async () => {
  execFileSync('mkdir', [join(host.home, '.claude')]);
  execFileSync('truncate', ['-s', '65M', join(host.home, '.claude/big')]);
  await credentialsOf(claude, host).parcel('config');
  const small = await credentialsOf(claude, host, { memory: 256 * 2 ** 20, session: 'fix-auth' })
    .parcel('config')
    .catch((error: unknown) => error);
  assert.ok(isPaudeError(small, 'CREDENTIALS_TOO_LARGE'), String(small));
  assert.match(small.message, '65 MiB would go into the session’s memory'.replace('’', "'"));
  assert.match(small.message, 'there is room for 64 MiB');
  assert.match(small.hint!, 'git paude connect fix-auth --no-sync');
});

test('small files are counted as what they take in memory', () => {
  const many = (count: number) =>
    checkSize(
      Array.from({ length: count }, (_, number) => ({
        part: 'config' as const,
        to: `home/${number}`,
        from: `~/${number}`,
        why: '',
        size: 1,
        source: { type: 'unreadable', why: '' } as const,
      })),
      roomIn(undefined),
    );
  many(24_576);
  assert.throws(
    () => many(24_577),
    (error: unknown) => isPaudeError(error, 'CREDENTIALS_TOO_LARGE'),
  );
});

/** What another user finds in the home: root reads everything. */
function seenByAnother() {
  const bundled = (entry: string) =>
    buildSync({ entryPoints: [entry], bundle: true, platform: 'node', format: 'cjs', write: false })
      .outputFiles[0]!.text;
  const script = `
    const load = (text) => { const module = { exports: {} }; new Function('module', 'exports', 'require', text)(module, module.exports, require); return module.exports; };
    const [{ credentialsOf, planHome }, { claude }] = JSON.parse(require('fs').readFileSync(0, 'utf8')).map(load);
    const host = { home: process.argv[1], env: {}, platform: 'linux', gitConfig: async () => [], keychain: async () => ({ type: 'none' }) };
    (async () => {
      const { staying } = await planHome(claude, host, false);
      const parts = {};
      for (const part of ['tokens', 'config']) {
        const { notices, body, incomplete } = await credentialsOf(claude, host).parcel(part);
        parts[part] = { notices, incomplete, body: body.toString('base64') };
      }
      process.stdout.write(JSON.stringify({ staying, parts }));
    })();`;
  const done = spawnSync(process.execPath, ['-e', script, host.home], {
    input: JSON.stringify(['lib/credentials/credentials.ts', 'lib/agents/claude.ts'].map(bundled)),
    encoding: 'utf8',
    cwd: '/',
    env: { PATH: process.env['PATH'] },
    ...(process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}),
  });
  const { staying, parts } = JSON.parse(done.stdout || done.stderr);
  const [tokens, config] = [parts.tokens, parts.config].map(({ body, ...told }) => ({
    ...told,
    sent: Object.fromEntries(unpack(Buffer.from(body, 'base64'))),
  }));
  return { staying, tokens, config };
}

test('of what may not be read, a file or a folder, the old copy stays; it is named, and the rest goes', () => {
  host.write('.claude/CLAUDE.md', 'x');
  host.write('.claude/skills/secret', 'x');
  host.write('.claude/agents/a.md', 'x');
  host.write('.config/gcloud/credentials.db', 'x');
  const closed = ['.claude/skills/secret', '.claude/agents', '.config/gcloud'].map((path) =>
    join(host.home, path),
  );
  for (const path of closed) chmodSync(path, 0);
  // What the other user needs is open to all.
  for (const folder of [host.home, join(host.home, '.claude'), join(host.home, '.claude/skills')])
    chmodSync(folder, 0o755);
  const { staying, tokens, config } = seenByAnother();
  for (const path of closed) chmodSync(path, 0o755);
  const old = "it may not be read; the session's old copy stays";
  assert.equal(staying, []);
  assert.equal(tokens, {
    notices: [`~/.config/gcloud stays: ${old}`],
    incomplete: true,
    sent: { keep: 'home/.config/gcloud/\0' },
  });
  assert.equal(config, {
    notices: [`~/.claude/agents/ stays: ${old}`, `~/.claude/skills/secret stays: ${old}`],
    incomplete: true,
    sent: { 'home/.claude/CLAUDE.md': 'x', keep: 'home/.claude/agents/\0home/.claude/skills/secret\0' },
  });
});

test('in a folder whose names alone can be read, the login stays as the session has it, too', () => {
  host.write('.claude/.credentials.json', '{"claudeAiOauth":{"accessToken":"a"}}');
  host.write('.claude/CLAUDE.md', 'x');
  chmodSync(host.home, 0o755);
  chmodSync(join(host.home, '.claude'), 0o744);
  const { tokens, config } = seenByAnother();
  assert.equal(tokens.sent, { keep: 'home/.claude/.credentials.json\0' });
  assert.equal(config.sent, { keep: 'home/.claude/CLAUDE.md\0' });
});

test('10,000 small files are one archive', async () => {
  for (let number = 0; number < 10_000; number++)
    host.write(`.claude/skills/${number % 100}/${number}`, `${number}`);
  const sent = await texts('config');
  assert.is(sent.size, 10_000);
  assert.is(sent.get('home/.claude/skills/99/9999'), '9999');
});

test('while thousands of files are read, other work goes on', async () => {
  for (let number = 0; number < 500; number++) host.write(`.claude/skills/${number}`, 'x');
  let turns = 0;
  let going = true;
  const others = () => {
    turns++;
    if (going) setImmediate(others);
  };
  setImmediate(others);
  await credentialsOf(claude, host).parcel('config');
  going = false;
  assert.ok(turns > 10, `${turns}`);
});

test('programs and helpers of this machine are taken out of the agent’s settings', async () => {
  host.write('.claude/settings.json', '{"apiKeyHelper":"/bin/x","model":"m"}');
  assert.equal(JSON.parse((await texts('config')).get('home/.claude/settings.json')!), { model: 'm' });
});

test('proxies of this machine, which the agent would set over the session’s own, are taken out, too', async () => {
  const env = {
    HTTPS_PROXY: 'http://u:p@proxy.corp:8080',
    no_proxy: 'x',
    FOO: 'kept',
  };
  for (const path of ['.claude/settings.json', '.claude.json'])
    host.write(path, JSON.stringify({ env, model: 'm' }));
  const sent = await texts('config');
  for (const to of ['home/.claude/settings.json', 'home/.claude.json'])
    assert.equal(JSON.parse(sent.get(to)!), { env: { FOO: 'kept' }, model: 'm' });
});

test('gcloud’s databases go with their journals, its logs and caches stay', async () => {
  for (const path of [
    'credentials.db',
    'credentials.db-wal',
    'access_tokens.db',
    'logs/2026/x.log',
    'virtenv/bin/x',
    '.last_update_check.json',
  ])
    host.write(`.config/gcloud/${path}`, path);
  assert.equal([...(await texts('tokens')).keys()].sort(), [
    'home/.config/gcloud/access_tokens.db',
    'home/.config/gcloud/credentials.db',
    'home/.config/gcloud/credentials.db-wal',
  ]);
});

test('the same home is the same archive', async () => {
  host.write('.claude/.credentials.json', '{"claudeAiOauth":{"accessToken":"a"}}');
  host.write('.config/gcloud/credentials.db', 'x');
  const first = await credentialsOf(claude, host).parcel('tokens');
  host.write('.config/gcloud/credentials.db', 'x');
  assert.is((await credentialsOf(claude, host).parcel('tokens')).digest, first.digest);
  host.write('.config/gcloud/credentials.db', 'y');
  assert.is.not((await credentialsOf(claude, host).parcel('tokens')).digest, first.digest);
});

test.run();
