import * as assert from 'uvu/assert';
import { isPaudeError } from '../lib/errors.ts';
import {
  longestSessionName,
  objectId,
  quantity,
  quantityValue,
  sessionName,
  suggestSessionName,
} from '../lib/names.ts';
import { suite } from './harness/suite.ts';

const test = suite('names');

test('a DNS label of at most 40 characters is a session name', () => {
  for (const name of ['a', '7', '007', 'fix-auth', 'a--b', 'x'.repeat(40)])
    assert.is(sessionName(name), name);
});

test('anything else is refused with its reason and a name that would do', () => {
  const cases: readonly (readonly [string, RegExp, string])[] = [
    ['', /empty/, 'session'],
    ['x'.repeat(41), /40/, 'x'.repeat(40)],
    ['Fix-Auth', /capital/, 'fix-auth'],
    ['fix_auth', /only a-z/, 'fix-auth'],
    ['-fix', /begin/, 'fix'],
    ['fix-', /end/, 'fix'],
    ['--upload-pack=x', /only a-z/, 'upload-pack-x'],
    ['../../etc', /only a-z/, 'etc'],
    ['größe', /only a-z/, 'gro-e'],
    ['a\nb', /only a-z/, 'a-b'],
  ];
  for (const [text, reason, suggestion] of cases) {
    assert.throws(
      () => sessionName(text),
      (error: unknown) =>
        isPaudeError(error, 'NAME_INVALID') &&
        reason.test(error.message) &&
        (error.hint ?? '').endsWith(` ${suggestion}`),
    );
  }
});

test('a suggestion is valid, and not one that is taken', () => {
  const taken = new Set(['app', 'app-2']);
  assert.is(
    suggestSessionName('App', (name) => taken.has(name)),
    'app-3',
  );
  const long = 'x'.repeat(longestSessionName);
  const next = suggestSessionName(long, (name) => name === long);
  assert.is(next, `${'x'.repeat(longestSessionName - 2)}-2`);
  assert.is(sessionName(next), next);
});

test('amounts are those of Kubernetes', () => {
  assert.is(quantityValue(quantity('512Mi')), 512 * 2 ** 20);
  assert.is(quantityValue(quantity('1500m')), 1.5);
  assert.is(quantityValue(quantity('2G')), 2e9);
  for (const text of ['', '0', '-1', '1 Gi', '1gb', 'Gi', '1e3', '1Gi;rm']) {
    assert.throws(
      () => quantity(text),
      (error: unknown) => isPaudeError(error, 'USAGE'),
    );
  }
});

test('object ids are of SHA-1 or SHA-256', () => {
  assert.is(objectId('a'.repeat(40)), 'a'.repeat(40));
  assert.is(objectId('0'.repeat(64)), '0'.repeat(64));
  for (const text of ['', 'a'.repeat(39), 'A'.repeat(40), 'a'.repeat(50), `--${'a'.repeat(38)}`]) {
    assert.throws(
      () => objectId(text),
      (error: unknown) => isPaudeError(error, 'GIT_FAILED'),
    );
  }
});

test.run();
