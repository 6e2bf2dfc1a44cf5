import { mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { untrustedKeys } from '../../lib/config/load-settings.ts';
import { options } from '../../lib/config/options.ts';
import { readSettingsFile } from '../../lib/config/settings-file.ts';
import { trust } from '../../lib/config/trust.ts';
import { suite } from '../harness/suite.ts';
import { failure, place, type Place } from './sources.ts';

const test = suite('trust');

async function allow(here: Place): Promise<void> {
  const file = await readSettingsFile(join(here.topLevel, '.paude.json'));
  assert.ok(file);
  await trust(file, here.topLevel, here.userFolder);
}

test('a repository sets only these by itself', () => {
  const free = options.filter((option) => option.repository).map((option) => option.key);
  assert.equal(free, ['agent', 'memory', 'cpus', 'pids', 'memory-request', 'cpus-request']);
});

test('what needs consent stops the command, with every key named and the way on', async () => {
  await using here = await place('{"memory": "1Gi", "yolo": false, "base-image": null, "packages": []}');
  const error = await failure(here.load(), 'CONFIG_UNTRUSTED');
  assert.match(error.message, 'base-image, packages, yolo');
  assert.not.match(error.message, 'memory');
  assert.match(error.hint!, 'git paude trust');
  const file = await readSettingsFile(join(here.topLevel, '.paude.json'));
  assert.equal(untrustedKeys(file!), ['base-image', 'packages', 'yolo']);
});

test('a home in which consent can’t be kept is named', async () => {
  await using here = await place('{"yolo": true}');
  // A file is in the folder's place: root may write anywhere else.
  const userFolder = join(here.topLevel, '.paude.json');
  const file = await readSettingsFile(userFolder);
  const error = await failure(trust(file!, here.topLevel, userFolder), 'CONFIG_INVALID');
  assert.match(error.message, `${join(userFolder, 'trusted.json')} can't be written: E`);
});

test('some things are never for a repository to say, even where it is trusted', async () => {
  for (const text of [
    '{"allow": ["npm", "private:db.corp"]}',
    '{"allow": [" private:x"]}',
    '{"accept-unenforced": true}',
  ]) {
    await using here = await place(text);
    await allow(here);
    assert.match((await failure(here.load(), 'CONFIG_INVALID')).message, 'is not for a repository to say');
  }
  await using here = await place('{"allow": ["npm"]}');
  await failure(here.load(), 'CONFIG_UNTRUSTED');
  await allow(here);
  assert.equal((await here.load()).values.allow, ['npm']);
});

test('a flag of the same name does not make up for consent', async () => {
  await using here = await place('{"yolo": true}');
  await failure(here.load({ flags: new Map([['yolo', true]]) }), 'CONFIG_UNTRUSTED');
});

test('the user may allow the very content, and no other', async () => {
  await using here = await place('{"yolo": true}');
  await allow(here);
  assert.is((await here.load()).values.yolo, true);
  await here.write('.paude.json', '{"yolo": true} ');
  await failure(here.load(), 'CONFIG_UNTRUSTED');
  await here.write('.paude.json', '{"yolo": true}');
  assert.is((await here.load()).values.yolo, true);
});

test('what was allowed before stays allowed, and the store is for its owner only', async () => {
  await using here = await place('{"yolo": true}');
  await allow(here);
  await here.write('.paude.json', '{"image": "x"}');
  await allow(here);
  await here.load();
  await here.write('.paude.json', '{"yolo": true}');
  await here.load();
  assert.is((await stat(join(here.userFolder, 'trusted.json'))).mode & 0o777, 0o600);
});

test('another text of the containerfile is another content', async () => {
  await using here = await place('{"containerfile": ".paude/Containerfile"}');
  await here.write('.paude/Containerfile', 'RUN one\n');
  await allow(here);
  assert.is((await here.load()).containerfile, 'RUN one\n');
  await here.write('.paude/Containerfile', 'RUN two\n');
  await failure(here.load(), 'CONFIG_UNTRUSTED');
});

const outside = [
  '../secret',
  '/etc/hostname',
  'a/../../secret',
  'link/secret',
  'file',
  'missing',
  '.',
  'a\u0000b',
];

for (const named of outside) {
  test(`the containerfile ${JSON.stringify(named)} is not read`, async () => {
    await using here = await place(JSON.stringify({ containerfile: named }));
    const secret = join(here.folder, 'secret');
    await writeFile(secret, 'RUN secret');
    await symlink(here.folder, join(here.topLevel, 'link'));
    await symlink(secret, join(here.topLevel, 'file'));
    await failure(here.load(), 'CONFIG_INVALID');
    await failure(allow(here), 'CONFIG_INVALID');
  });
}

test('a link to a folder inside the repository may lead to the containerfile', async () => {
  await using here = await place('{"containerfile": "link/Containerfile"}');
  await here.write('real/Containerfile', 'RUN true\n');
  await symlink('real', join(here.topLevel, 'link'));
  await allow(here);
  assert.is((await here.load()).containerfile, 'RUN true\n');
});

test('a broken store is named, and never taken for consent', async () => {
  await using here = await place('{"yolo": true}');
  await mkdir(here.userFolder, { recursive: true });
  for (const text of ['', '{}', '"x"', 'null', '{"includes": true}']) {
    await writeFile(join(here.userFolder, 'trusted.json'), text);
    const error = await failure(here.load(), 'CONFIG_INVALID');
    assert.match(error.message, 'trusted.json');
    assert.match(error.hint!, 'rm ');
    assert.is(await readFile(join(here.userFolder, 'trusted.json'), 'utf8'), text);
  }
});

test.run();
