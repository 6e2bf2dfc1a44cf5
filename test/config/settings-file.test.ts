import { execFile } from 'node:child_process';
import { readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { readSettingsFile } from '../../lib/config/settings-file.ts';
import { suite } from '../harness/suite.ts';
import { failure, place } from './sources.ts';

const test = suite('a settings file');

test('comments and trailing commas are allowed', async () => {
  await using here = await place('// why\n{ /* much */ "memory": "4Gi", "$schema": "x", }\n');
  assert.is((await here.load()).values.memory, '4Gi');
});

test('only the file at the top is read, and none above it', async () => {
  await using here = await place();
  await writeFile(join(here.folder, '.paude.json'), '{"memory": "4Gi"}');
  await here.write('sub/.paude.json', '{"memory": "4Gi"}');
  await here.write('.pauderc', '{"memory": "4Gi"}');
  await here.write('.config/pauderc', '{"memory": "4Gi"}');
  await here.write('package.json', '{"paude": {"memory": "4Gi"}}');
  assert.not('memory' in (await here.load()).values);
});

const broken: readonly (readonly [text: string, place: string, words: string])[] = [
  ['', '1:1', 'value expected'],
  ['{\n  "memory": }', '2:13', 'value expected'],
  ['{\n  "memory": "4Gi"\n  "cpus": "2"\n}', '3:3', 'comma expected'],
  ['[]', '1:1', 'not an object'],
  ['null', '1:1', 'not an object'],
  ['{\n  "memory": 5}', '2:13', '5 is not text'],
  ['{"cpus": "many"}', '1:10', '"many" is not an amount'],
  ['{"pids": "10"}', '1:10', '"10" is not a number'],
  ['{"pids": 1.5}', '1:10', '1.5 is not a whole number'],
  ['{"pids": 1e999}', '1:10', 'is not a whole number'],
  ['{"agent": {"toString": 1}}', '1:11', '{"toString":1} is not text'],
  ['{"agent": null}', '1:11', 'null is not text'],
  ['{"memory": "1Gi",\n "memory": "2Gi"}', '2:2', 'stands here twice'],
  ['{"agent": "memry",\n "memry": 1}', '2:2', 'no setting "memry"'],
  ['{"mem\\u0072y": 1}', '1:2', 'no setting "memry"'],
  ['{"__proto__": {"yolo": true}}', '1:2', 'no setting "__proto__"'],
  ['{"constructor": 1}', '1:2', 'no setting "constructor"'],
  ['{"\\u001b[2J": 1}', '1:2', 'no setting'],
  ['{"\u202egpj": 1}', '1:2', 'no setting "\\u202egpj"'],
];

for (const [text, where, words] of broken) {
  test(`${JSON.stringify(text)} is named with line and column`, async () => {
    await using here = await place(text);
    const { message } = await failure(here.load(), 'CONFIG_INVALID');
    assert.match(message, `${here.topLevel}/.paude.json:${where}: `);
    assert.match(message, words);
    assert.not.match(message, /[\p{Cc}\p{Cf}]/u);
  });
}

test('an unknown key is named with the nearest one', async () => {
  await using here = await place('{"base-imgae": "x"}');
  assert.match((await failure(here.load(), 'CONFIG_INVALID')).hint!, '"base-image"');
});

test("a broken file of the user's own is named too", async () => {
  await using here = await place();
  const path = await here.write('../home/paude/config.json', '{"yolo": 1}');
  assert.match((await failure(here.load(), 'CONFIG_INVALID')).message, `${path}:1:10: `);
});

test("the user's own file may be a link, and a repository's may not", async () => {
  await using here = await place();
  const real = await here.write('../elsewhere.json', '{"memory": "4Gi"}');
  await here.write('../home/paude/other', '');
  await symlink(real, join(here.userFolder, 'config.json'));
  assert.is((await here.load()).values.memory, '4Gi');
  await symlink(real, join(here.topLevel, '.paude.json'));
  assert.match((await failure(here.load(), 'CONFIG_INVALID')).message, 'it is a symbolic link');
});

test('a pipe, a folder, a huge file and deep brackets are refused at once', async () => {
  await using pipe = await place();
  await promisify(execFile)('mkfifo', [join(pipe.topLevel, '.paude.json')]);
  assert.match((await failure(pipe.load(), 'CONFIG_INVALID')).message, 'is not a file');
  await using folder = await place();
  await folder.write('.paude.json/x', '');
  assert.match((await failure(folder.load(), 'CONFIG_INVALID')).message, 'is not a file');
  await using huge = await place(`{"agent": "${'x'.repeat(300_000)}"}`);
  assert.match((await failure(huge.load(), 'CONFIG_INVALID')).message, 'bytes');
  await using deep = await place('['.repeat(250_000));
  assert.match((await failure(deep.load(), 'CONFIG_INVALID')).message, 'nested too deep');
  await using long = await place(`{"${'x'.repeat(200_000)}": 1}`);
  assert.ok((await failure(long.load(), 'CONFIG_INVALID')).message.length < 400);
});

test('$import is a key like any other: no file that it names is read', async () => {
  await using here = await place('{"$import": "./evil.cjs"}');
  const ran = join(here.folder, 'ran');
  await here.write('evil.cjs', `require('node:fs').writeFileSync(${JSON.stringify(ran)}, '')`);
  assert.match((await failure(here.load(), 'CONFIG_INVALID')).message, 'no setting "$import"');
  await assertAbsent(ran);
});

test('the text of a file is kept as it is', async () => {
  await using here = await place('{ } // é\r\n');
  const file = await readSettingsFile(join(here.topLevel, '.paude.json'));
  assert.is(file?.text, await readFile(join(here.topLevel, '.paude.json'), 'utf8'));
});

async function assertAbsent(path: string): Promise<void> {
  const found = await readFile(path).then(
    () => true,
    () => false,
  );
  assert.not.ok(found, `${path} was not written`);
}

test.run();
