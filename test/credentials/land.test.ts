import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import * as assert from 'uvu/assert';
import { claude } from '../../lib/agents/claude.ts';
import type { TarEntry } from '../../lib/credentials/tar.ts';
import { suite } from '../harness/suite.ts';
import { sessionFolder, type SessionFolder } from '../image/session-folder.ts';
import { archiveOf } from './hand-made.ts';

const test = suite('landing of credentials');
let session: SessionFolder;
let credentials: string;
let home: string;
test.before.each(() => {
  session = sessionFolder({ data: claude, program: '#!/bin/sh\n' });
  credentials = session.env['PAUDE_CREDENTIALS']!;
  home = session.env['HOME']!;
});
test.after.each(() => session.remove());

const text = (path: string, content: string): TarEntry => ({ path, content: Buffer.from(content) });
const digestOf = (body: Uint8Array) => createHash('sha256').update(body).digest('hex');
function framed(part: string, entries: readonly TarEntry[], state = 'whole'): Buffer {
  const body = archiveOf(entries);
  return Buffer.concat([Buffer.from(`${part} ${body.length} ${digestOf(body)} ${state}\n`), body]);
}
const end = Buffer.from('end\n');
const land = (...pieces: Buffer[]) => session.session(['land'], Buffer.concat(pieces));
const adopt = () => session.session(['credentials'], 'adopt\n');
const check = (login: string, config: string, tokens = '-') =>
  session.session(['credentials'], `check ${login} ${tokens} ${config}\n`).stdout;
const read = (path: string) => readFileSync(join(home, path), 'utf8');

test('both parts land, are nobody else’s to read, and come into the home', () => {
  const run = { path: 'home/.claude/hooks/run', content: Buffer.from('#!/bin/sh\n'), executable: true };
  const link = { path: 'home/.claude/l', target: 'CLAUDE.md' };
  const done = land(
    framed('login', [text('home/.config/gcloud/a', 'token'), text('keys/K', 'k')]),
    framed('config', [text('home/.claude/CLAUDE.md', 'x'), run, link]),
    end,
  );
  assert.equal([done.code, done.stdout, done.stderr], [0, 'landed\n', '']);
  assert.is(readFileSync(join(credentials, 'login/keys/K'), 'utf8'), 'k');
  assert.equal(
    [adopt().stdout, read('.config/gcloud/a'), read('.claude/CLAUDE.md')],
    ['adopted\n', 'token', 'x'],
  );
  assert.is(statSync(join(home, '.config/gcloud/a')).mode & 0o777, 0o600);
  assert.is(statSync(join(home, '.config/gcloud')).mode & 0o777, 0o700);
  assert.is(statSync(join(home, '.claude/hooks/run')).mode & 0o777, 0o700);
  assert.is(readlinkSync(join(home, '.claude/l')), 'CLAUDE.md');
  assert.equal(
    readdirSync(credentials).filter((name) => name.startsWith('.new')),
    [],
  );
});

test('of what is cut or damaged anywhere nothing lands, and what was there stays', () => {
  const first = framed('login', [text('home/a', 'first')]);
  assert.is(land(first, end).code, 0);
  const config = framed('config', [text('home/b', 'b'.repeat(5000))]);
  const next = Buffer.concat([framed('login', [text('home/a', 'next')]), config, end]);
  const cuts = [...Array(80).keys()].map((step) => next.subarray(0, Math.floor((step * next.length) / 80)));
  const damaged = Buffer.from(next);
  damaged[600]! ^= 1;
  const name = Buffer.from(next.toString('latin1').replace('config ', 'other_ '), 'latin1');
  for (const input of [
    ...cuts,
    next.subarray(0, -1).subarray(0, -3),
    damaged,
    name,
    Buffer.from('login x y whole\n'),
  ]) {
    const done = land(input);
    assert.is(done.code, 1, `${input.length}`);
    assert.is(readFileSync(join(credentials, 'login/home/a'), 'utf8'), 'first');
    assert.not.ok(existsSync(join(credentials, 'config')));
    assert.equal(
      readdirSync(credentials).filter((one) => one.startsWith('.new')),
      [],
    );
  }
  assert.is(land(next).code, 0);
});

test('a session says what it needs, and what it has; a part that is not whole is never done', () => {
  assert.is(check('x', '-'), 'need login tokens config\n');
  const login = framed('login', [text('home/a', '1')]);
  const digest = login.toString('latin1').split(' ')[2]!;
  const tokens = framed('tokens', [text('home/c', '1')]);
  assert.is(land(login, tokens, framed('config', [text('home/b', '1')]), end).code, 0);
  assert.is(check(digest, '-'), 'need login tokens config\n');
  adopt();
  assert.is(check(digest, '-'), 'same\n');
  assert.is(check(digest, 'other'), 'need config\n');
  assert.is(check(digest, '-', 'other'), 'need tokens\n');
  assert.is(check('other', '-'), 'need login\n');
  assert.is(land(framed('login', [text('home/a', '1')], 'incomplete'), end).code, 0);
  adopt();
  assert.is(check(digest, '-'), 'need login\n');
  const config = framed('config', [text('home/b', '1')], 'incomplete');
  assert.is(land(login, config, end).code, 0);
  adopt();
  // Who did not read it hears which it is: it may be the same again.
  const partly = config.toString('latin1').split(' ')[2]!;
  assert.is(check(digest, '-'), `need config=${partly}\n`);
  assert.is(check(digest, partly), 'need config\n');
});

test('who needs something is asked once more when it has landed; who goes away before that changes nothing', async () => {
  const far = session.start(['credentials']);
  const answers = createInterface({ input: far.stdout })[Symbol.asyncIterator]();
  far.stdin.write('check none none none\n');
  assert.is((await answers.next()).value, 'need login tokens config');
  land(framed('login', [text('home/a', '1')]), end);
  assert.not.ok(existsSync(join(home, 'a')));
  far.stdin.write('adopt\n');
  assert.is((await answers.next()).value, 'adopted');
  assert.is(read('a'), '1');
  assert.equal(await once(far, 'close'), [0, null]);
  land(framed('login', [text('home/a', '2')]), end);
  const gone = session.start(['credentials']);
  gone.stdin.end('check none none none\n');
  assert.equal(await once(gone, 'close'), [0, null]);
  assert.is(read('a'), '1');
});

test('what a sync did not bring anew is not copied into the home again; a session that starts anew copies all', async () => {
  const sync = async (...pieces: Buffer[]) => {
    const far = session.start(['credentials']);
    const answers = createInterface({ input: far.stdout })[Symbol.asyncIterator]();
    far.stdin.write('check none none none\n');
    assert.is((await answers.next()).value, 'need login tokens config');
    assert.is(land(...pieces, end).code, 0);
    far.stdin.write('adopt\n');
    assert.is((await answers.next()).value, 'adopted');
  };
  const config = framed('config', [text('home/.claude/CLAUDE.md', 'hers')]);
  await sync(framed('login', [text('home/a', '1')]), config);
  writeFileSync(join(home, '.claude/CLAUDE.md'), "the agent's");
  await sync(framed('login', [text('home/a', '2')]));
  assert.equal([read('a'), read('.claude/CLAUDE.md')], ['2', "the agent's"]);
  await sync(framed('config', [text('home/.claude/CLAUDE.md', 'hers, later')]));
  assert.is(read('.claude/CLAUDE.md'), 'hers, later');
  writeFileSync(join(home, '.claude/CLAUDE.md'), "the agent's");
  adopt();
  assert.is(read('.claude/CLAUDE.md'), 'hers, later');
});

test('a landing leaves nothing of an older one, also of one that was killed after its swap', () => {
  for (const folder of ['.config.killed', '.tokens.killed']) {
    mkdirSync(join(credentials, folder));
    writeFileSync(join(credentials, folder, 'secret'), 'x');
  }
  for (const value of ['1', '2', '3']) land(framed('login', [text('home/a', value)]), end);
  const links: string[] = [];
  const folders: string[] = [];
  for (const name of readdirSync(credentials).filter((one) => one !== '.lock')) {
    if (lstatSync(join(credentials, name)).isSymbolicLink()) links.push(name);
    else folders.push(name);
  }
  assert.equal(folders, [readlinkSync(join(credentials, 'login'))]);
  // An old folder's name leads to what is there now, for a while.
  const old = links.filter((name) => name !== 'login');
  assert.equal(old.map((name) => readlinkSync(join(credentials, name))).sort(), [
    'config',
    'login',
    'login',
    'tokens',
  ]);
  for (const name of old) lutimesSync(join(credentials, name), 0, 0);
  land(framed('login', [text('home/a', '4')]), end);
  assert.equal(
    old.filter((name) => readdirSync(credentials).includes(name)),
    [],
  );
});

test('who reads where they land finds each path at every moment, also by the name that its folder had', async () => {
  const count = 300;
  const files = [...Array(count).keys()].map((number) => text(`home/a/${number}`, `${number}`));
  const loop = `import { readFileSync, realpathSync } from 'node:fs';
    let rounds = 0;
    process.on('SIGTERM', () => { process.stdout.write(String(rounds)); process.exit(0); });
    const look = () => {
      const folder = realpathSync(process.argv[1]);
      for (let number = 0; number < ${count}; number++) {
        for (const place of [folder, process.argv[1]]) {
          const text = readFileSync(place + '/' + number, 'utf8');
          if (text !== String(number)) throw new Error(text);
        }
      }
      rounds++;
      setImmediate(look);
    };
    look();`;
  assert.is(land(framed('login', files), end).code, 0);
  const reader = spawn(
    process.execPath,
    ['--input-type=module', '-e', loop, join(credentials, 'login/home/a')],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const said = reader.stdout.setEncoding('utf8').toArray();
  const complaint = reader.stderr.setEncoding('utf8').toArray();
  for (let landing = 0; landing < 20; landing++) {
    const done = land(framed('login', files), end);
    assert.equal([done.code, done.stderr], [0, '']);
  }
  reader.kill('SIGTERM');
  assert.is((await complaint).join(''), '');
  assert.match((await said).join(''), /^[1-9]\d*$/);
});

test('a file that could not be read at home stays as the session has it', () => {
  land(framed('login', [text('home/d/ü\nx', 'old'), text('home/gone', 'x')]), end);
  adopt();
  land(
    framed('login', [text('keep', 'home/d/ü\nx\0home/never\0'), text('home/c', 'new')], 'incomplete'),
    end,
  );
  adopt();
  assert.equal([read('d/ü\nx'), read('c'), existsSync(join(home, 'gone'))], ['old', 'new', false]);
});

test('a folder that could not be read at home stays as the session has it, under what has landed of it all the same', () => {
  const old = [text('home/d/a/x', 'old'), text('home/d/b', 'old'), { path: 'home/d/link', target: 'b' }];
  land(framed('login', [...old, text('home/gone', 'x')]), end);
  adopt();
  land(framed('login', [text('keep', 'home/d/\0home/never/\0'), text('home/d/b', 'new')], 'incomplete'), end);
  adopt();
  assert.equal([read('d/a/x'), read('d/b'), read('d/link')], ['old', 'new', 'new']);
  assert.not.ok(existsSync(join(home, 'gone')));
});

test('in a session that has nothing yet, what could not be read at home is just missing', () => {
  const done = land(framed('login', [text('keep', 'home/d/\0'), text('home/c', 'new')], 'incomplete'), end);
  assert.equal([done.code, done.stderr], [0, '']);
  adopt();
  assert.is(read('c'), 'new');
});

test('what is removed at home is removed in the session; what the session made itself stays', () => {
  land(framed('config', [text('home/.claude/skills/a', 'x'), text('home/.claude/skills/b', 'x')]), end);
  adopt();
  writeFileSync(join(home, '.claude/skills/own'), 'x');
  land(framed('config', [text('home/.claude/skills/b', 'y')]), end);
  adopt();
  assert.equal(readdirSync(join(home, '.claude/skills')).sort(), ['b', 'own']);
});

test('what is a file, a link or a folder at home becomes another of these, and nothing else goes', () => {
  const skills = 'home/.claude/skills';
  const file = [text(`${skills}/b`, 'file')];
  const link: TarEntry[] = [text(`${skills}/a/SKILL.md`, 'a'), { path: `${skills}/b`, target: 'a' }];
  const folder = [text(`${skills}/a/SKILL.md`, 'a'), text(`${skills}/b/SKILL.md`, 'b')];
  const seen = () => {
    const b = lstatSync(join(home, '.claude/skills/b'));
    return b.isSymbolicLink() ? 'link' : b.isDirectory() ? 'folder' : 'file';
  };
  const kinds = { file, link, folder };
  for (const [from, to] of ['file', 'link', 'folder', 'link', 'file', 'folder', 'file'].entries()) {
    const entries = kinds[to as keyof typeof kinds];
    assert.is(land(framed('login', [text('home/a', String(from))]), framed('config', entries), end).code, 0);
    const done = adopt();
    assert.equal([done.stdout, done.stderr, seen()], ['adopted\n', '', to]);
    for (const { path } of entries.filter((entry) => 'content' in entry))
      assert.ok(existsSync(join(home, path.slice('home/'.length))), `${to}: ${path}`);
    assert.is(existsSync(join(home, '.claude/skills/a/SKILL.md')), to !== 'file');
    assert.is(read('a'), String(from));
  }
  // What the agent has made in a file's place is its own.
  mkdirSync(join(home, '.claude/own'), { recursive: true });
  land(framed('config', [text('home/.claude/own/x', 'x')]), end);
  adopt();
  rmSync(join(home, '.claude/own'), { recursive: true });
  mkdirSync(join(home, '.claude/else'));
  writeFileSync(join(home, '.claude/else/x'), "the agent's");
  symlinkSync('else', join(home, '.claude/own'));
  land(framed('config', []), end);
  assert.is(adopt().stdout, 'adopted\n');
  assert.is(read('.claude/else/x'), "the agent's");
});

test('a configuration that can’t be put into the home does not keep a login from it, and says why in a sentence', () => {
  land(framed('login', [text('home/a', '1')]), framed('config', [text('home/.claude/b', '1')]), end);
  rmSync(join(credentials, 'config/digest'));
  const done = adopt();
  assert.equal([done.code, read('a')], [1, '1']);
  assert.match(done.stderr, /^paude: ENOENT[^\n]*\n$/);
});

test('no reader ever sees half of it', async () => {
  const loop = `import { readFileSync } from 'node:fs';
    let count = 0;
    process.on('SIGTERM', () => { process.stdout.write(String(count)); process.exit(0); });
    const look = () => {
      for (let i = 0; i < 100; i++) {
        const text = readFileSync(process.argv[1] + '/big', 'utf8');
        if (!/^(.)\\1{299999}$/.test(text)) { process.stdout.write('torn'); process.exit(1); }
        count++;
      }
      setImmediate(look);
    };
    look();`;
  const big = (letter: string) => framed('login', [text('home/big', letter.repeat(300_000))]);
  land(big('a'), end);
  adopt();
  const readers = [home, join(credentials, 'login/home')].map((folder) =>
    spawn(process.execPath, ['--input-type=module', '-e', loop, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  const said = readers.map((reader) => reader.stdout.setEncoding('utf8').toArray());
  for (const letter of 'bcdefgh') {
    assert.is(land(big(letter), end).code, 0);
    assert.is(adopt().stdout, 'adopted\n');
  }
  for (const reader of readers) reader.kill('SIGTERM');
  await Promise.all(readers.map((reader) => (reader.exitCode === null ? once(reader, 'close') : undefined)));
  for (const words of said) assert.match((await words).join(''), /^[1-9]\d*$/);
});

test('a folder that the agent made a link to the volume does not lead a secret to the disk', () => {
  const volume = session.env['PAUDE_VOLUME']!;
  mkdirSync(join(volume, 'trap'));
  mkdirSync(join(home, '.config'));
  symlinkSync(join(volume, 'trap'), join(home, '.config/gcloud'));
  symlinkSync(join(volume, 'trap/file'), join(home, '.gitconfig'));
  land(framed('login', [text('home/.config/gcloud/a', 'secret'), text('home/.gitconfig', 'secret')]), end);
  assert.is(adopt().stdout, 'adopted\n');
  assert.is(read('.config/gcloud/a'), 'secret');
  assert.equal(readdirSync(join(volume, 'trap')), []);
});

test('folders that last take nothing of the user’s', () => {
  const lasting = join(session.env['PAUDE_VOLUME']!, 'home/.claude/projects');
  mkdirSync(lasting, { recursive: true });
  mkdirSync(join(home, '.claude'));
  symlinkSync(lasting, join(home, '.claude/projects'));
  land(framed('config', [text('home/.claude/projects/x', 'secret'), text('home/.claude/y', 'z')]), end);
  adopt();
  assert.equal(readdirSync(lasting), []);
  assert.is(read('.claude/y'), 'z');
});

test('the keys that the session keeps lie over what lands, live on the volume, and nothing of the user’s does', () => {
  const json = (value: unknown) => JSON.stringify(value);
  const state = (path = '.claude.json') => JSON.parse(read(path)) as Record<string, any>;
  land(
    framed('config', [
      text('home/.claude.json', json({ userID: 'secret', numStartups: 7, projects: { '/home/u/x': {} } })),
    ]),
    end,
  );
  adopt();
  // What a new session answers beforehand is there, too.
  assert.is(state()['hasCompletedOnboarding'], true);
  assert.is(state()['userID'], 'secret');
  const changed = state();
  changed['projects']['/pvc/workspace'].allowedTools = ['Bash(ls)'];
  changed['numStartups'] = 99;
  writeFileSync(join(home, '.claude.json'), json(changed));
  land(framed('config', [text('home/.claude.json', json({ userID: 'secret', numStartups: 8 }))]), end);
  adopt();
  assert.equal(state()['projects'], {
    '/pvc/workspace': { hasTrustDialogAccepted: true, allowedTools: ['Bash(ls)'] },
  });
  assert.is(state()['numStartups'], 8);
  const kept = readFileSync(join(session.env['PAUDE_VOLUME']!, 'home/kept.json'), 'utf8');
  assert.equal(JSON.parse(kept), {
    '.claude.json': { projects: { '/pvc/workspace': { allowedTools: ['Bash(ls)'] } } },
  });
});

test('what changes at home in a key that is kept changes in the session, and is not taken for the session’s own', () => {
  const tools = (...allowedTools: string[]) => ({ projects: { '/pvc/workspace': { allowedTools } } });
  const landed = (value: object) => {
    land(framed('config', [text('home/.claude.json', JSON.stringify(value))]), end);
    assert.is(adopt().stdout, 'adopted\n');
  };
  const state = () => JSON.parse(read('.claude.json')) as ReturnType<typeof tools> & Record<string, unknown>;
  landed({ ...tools('Bash(rm:*)'), bypassPermissionsModeAccepted: true, lastOnboardingVersion: '2.1.0' });
  landed({ ...tools('Bash(ls)'), lastOnboardingVersion: '2.2.0' });
  assert.equal(state().projects['/pvc/workspace'].allowedTools, ['Bash(ls)']);
  assert.is(state()['bypassPermissionsModeAccepted'], undefined);
  assert.is(state()['lastOnboardingVersion'], '2.2.0');
  assert.not.ok(existsSync(join(session.env['PAUDE_VOLUME']!, 'home/kept.json')));
  // The session's own change outlives that.
  writeFileSync(join(home, '.claude.json'), JSON.stringify({ ...state(), ...tools('Bash(git:*)') }));
  landed(tools('Bash(cat)'));
  assert.equal(state().projects['/pvc/workspace'].allowedTools, ['Bash(git:*)']);
});

test.run();
