import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { rememberPlace, usedPlaces, type UsedPlace } from '../../lib/config/places.ts';
import { isPaudeError } from '../../lib/errors.ts';
import { suite } from '../harness/suite.ts';

const test = suite('places');
let folder: string;
test.before.each(() => void (folder = mkdtempSync(join(tmpdir(), 'paude-places-'))));
test.after.each(() => rmSync(folder, { recursive: true }));

const place = (number: number) => ({
  backend: 'kubernetes' as const,
  context: `dev/api-${number}:6443/ada`,
  namespace: 'team',
});

test('places that are used at once are all remembered, each once', async () => {
  assert.equal(await usedPlaces(folder), []);
  const numbers = Array.from({ length: 20 }, (_, number) => number);
  await Promise.all([...numbers, ...numbers].map((number) => rememberPlace(folder, place(number))));
  const sorted = (all: readonly UsedPlace[]) => all.map((one) => JSON.stringify(one)).sort();
  assert.equal(sorted(await usedPlaces(folder)), sorted(numbers.map(place)));
});

test('a place that is known is not written again', async () => {
  await rememberPlace(folder, place(1));
  await rememberPlace(folder, place(1));
  assert.is(readFileSync(join(folder, 'places.jsonl'), 'utf8').split('\n').length, 2);
});

test('Podman is a place like others, beside those that older files have', async () => {
  appendFileSync(join(folder, 'places.jsonl'), '{"context":"dev","namespace":"team"}\n');
  for (let times = 0; times < 2; times++) {
    await rememberPlace(folder, { backend: 'podman' });
    await rememberPlace(folder, { backend: 'kubernetes', context: 'dev', namespace: 'team' });
  }
  assert.equal(await usedPlaces(folder), [
    { backend: 'kubernetes', context: 'dev', namespace: 'team' },
    { backend: 'podman' },
  ]);
  assert.is(readFileSync(join(folder, 'places.jsonl'), 'utf8').split('\n').length, 3);
});

test('what is no place is said, with what helps', async () => {
  for (const line of ['{"context":"dev"}', 'null', '[]', 'dev']) {
    appendFileSync(join(folder, 'places.jsonl'), `${line}\n`);
    const error = await usedPlaces(folder).catch((caught: unknown) => caught);
    assert.ok(isPaudeError(error, 'CONFIG_INVALID'), String(error));
    assert.match((error as { hint?: string }).hint ?? '', /^rm .*places\.jsonl$/);
    rmSync(join(folder, 'places.jsonl'));
  }
});

test('below a home that is no folder nothing was ever used; what can’t be read is said with its reason', async () => {
  const file = join(folder, '.config');
  writeFileSync(file, '');
  assert.equal(await usedPlaces(join(file, 'paude')), []);
  mkdirSync(join(folder, 'places.jsonl'));
  const error = await usedPlaces(folder).catch((caught: unknown) => caught);
  assert.ok(isPaudeError(error, 'CONFIG_INVALID'), String(error));
  assert.match(error.message, /places\.jsonl can't be read: EISDIR/);
  assert.match(error.hint!, /^ls -ld .*places\.jsonl$/);
});

test('a place that can’t be written down is an error that names the file and the reason', async () => {
  const home = join(folder, '.config');
  writeFileSync(home, '');
  const error = await rememberPlace(join(home, 'paude'), place(1)).catch((caught: unknown) => caught);
  assert.ok(isPaudeError(error, 'CONFIG_INVALID'), String(error));
  assert.match(error.message, /\.config\/paude\/places\.jsonl can't be written: ENOTDIR/);
});

test.run();
