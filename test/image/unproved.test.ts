import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { suite } from '../harness/suite.ts';
import { sessionFolder, type SessionFolder } from './session-folder.ts';

const test = suite('a session whose network nobody has proved to be closed');
let session: SessionFolder;
test.before.each(() => void (session = sessionFolder()));
test.after.each(() => session.remove());

const run = (id: string) => session.exec(id, ['echo', 'ran']);
const ask = (...args: string[]) => session.session(['credentials', ...args], 'check one one\n').stdout;

test('it begins no command and no agent and takes no credentials, until there is a mark', async () => {
  session.env['PAUDE_FILTERED'] = '1';
  const refused = (id: string) => ({ code: 1, stdout: '', stderr: `\x1e${id} paude unproved\n` });
  assert.equal(await run('a'), refused('a'));
  assert.is(ask('proved'), 'unproved\n');
  const attached = session.session(['attach', 'a']);
  assert.is(attached.code, 1);
  assert.match(attached.stderr, 'paude: nobody has proved that the network of this session is closed');
  // Who proves it meanwhile asks beside that.
  assert.is(ask(), 'need login tokens config\n');
  for (const mark of ['proved', 'accepted']) {
    const file = join(session.run, mark);
    writeFileSync(file, '');
    assert.equal([(await run(mark)).stdout, ask('proved')], ['ran\n', 'need login tokens config\n'], mark);
    rmSync(file);
    assert.equal(await run(`no-${mark}`), refused(`no-${mark}`));
  }
});

test('git is run for nobody, and the look that would', () => {
  session.env['PAUDE_FILTERED'] = '1';
  for (const service of ['receive-pack', 'upload-pack', 'upload-archive'])
    assert.equal(session.session(['serve', service, '-'], '\n'), {
      code: 0,
      stdout: 'paude unproved 1\n',
      stderr: '',
    });
  assert.is(session.session(['branches', 'proved']).stdout, 'unproved\nover\n');
  assert.is(session.session(['branches']).stdout, 'over\n');
  writeFileSync(join(session.run, 'proved'), '');
  assert.is(session.session(['branches', 'proved']).stdout, 'over\n');
});

test('what the agent has installed is found first by commands, and by nothing of ours', async () => {
  const tools = join(session.run, 'tools');
  mkdirSync(tools);
  session.env['PAUDE_TOOLS'] = tools;
  for (const program of ['git', 'node', 'sh', 'bash', 'cat', 'setsid', 'echo'])
    writeFileSync(join(tools, program), '#!/bin/sh\nprintf "the agent\\n"\n', { mode: 0o755 });
  assert.is((await run('a')).stdout, 'the agent\n');
  assert.is(ask(), 'need login tokens config\n');
  assert.is(session.session(['branches']).stdout, 'over\n');
  assert.match(session.session(['serve', 'upload-pack']).stdout, /^paude ready 1\n[0-9a-f]{4}/);
});

const serve = (service: string) => session.session(['serve', service, '-'], '\n').stdout.split('\n')[0];

for (const [title, filtered] of [
  ['one that is not filtered', undefined],
  ['one that somebody has proved', '1'],
] as const)
  test(`${title} says to each push that nobody has brought credentials, until somebody has or wants none brought`, () => {
    session.env['PAUDE_FILTERED'] = filtered;
    assert.is(ask('proved'), filtered === undefined ? 'need login tokens config\n' : 'unproved\n');
    writeFileSync(join(session.run, 'proved'), '');
    assert.is(serve('upload-pack'), 'paude ready 1');
    // Who asked may have failed to bring any.
    for (const asked of ['', 'check one one one\n']) {
      session.session(['credentials'], asked);
      assert.is(serve('receive-pack'), 'paude bare 1');
    }
    session.session(['credentials'], 'none\n');
    assert.is(serve('receive-pack'), 'paude ready 1');
    rmSync(join(session.run, 'attended'));
    assert.is(serve('receive-pack'), 'paude bare 1');
    // As adopting leaves it.
    writeFileSync(join(session.run, 'adopted-config'), 'one\n');
    assert.is(serve('receive-pack'), 'paude ready 1');
  });

test('one that is not filtered needs none, also behind a proxy of the machine’s own', async () => {
  session.env['HTTPS_PROXY'] = 'http://proxy.example.com:3128';
  assert.equal([(await run('a')).stdout, ask('proved')], ['ran\n', 'need login tokens config\n']);
});

test('what was sent to a command that it does not begin is taken all the same', async () => {
  session.env['PAUDE_FILTERED'] = '1';
  const { code, stderr } = await session.exec('b', ['cat'], Buffer.alloc(1_000_000));
  assert.equal([code, stderr], [1, '\x1eb paude unproved\n']);
});

test.run();
