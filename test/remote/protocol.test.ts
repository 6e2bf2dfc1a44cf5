import * as assert from 'uvu/assert';
import { applyOption, capabilities, parseCommand } from '../../lib/remote/protocol.ts';
import { suite } from '../harness/suite.ts';

const test = suite('protocol');

test('the lines that git says', () => {
  assert.equal(parseCommand('capabilities'), { type: 'capabilities' });
  assert.equal(parseCommand('option progress true'), { type: 'option', name: 'progress', value: 'true' });
  assert.equal(parseCommand('option servpath "a b"'), { type: 'option', name: 'servpath', value: '"a b"' });
  for (const service of ['git-receive-pack', 'git-upload-pack', 'git-upload-archive']) {
    assert.equal(parseCommand(`connect ${service}`), { type: 'connect', service });
  }
  assert.equal(parseCommand(''), { type: 'end' });
  assert.equal(parseCommand(undefined), { type: 'end' });
});

test('anything else is refused, named so that it does no harm', () => {
  for (const line of [
    'connect sh',
    'connect git-upload-pack;sh',
    'connect',
    'list',
    'capabilities x',
    '\x1b[2J',
  ]) {
    assert.throws(
      () => parseCommand(line),
      (error: { code: string; message: string }) => error.code === 'USAGE' && !error.message.includes('\x1b'),
    );
  }
});

test('options are taken, or answered as gitremote-helpers(7) says', () => {
  const options = { progress: false, verbosity: 1 };
  const answer = (name: string, value: string) => applyOption(options, { type: 'option', name, value });
  assert.is(answer('progress', 'true'), 'ok\n');
  assert.is(answer('verbosity', '3'), 'ok\n');
  assert.equal(options, { progress: true, verbosity: 3 });
  assert.match(answer('verbosity', 'loud'), /^error .*\n$/);
  assert.match(answer('progress', ''), /^error .*\n$/);
  assert.is(answer('servpath', '"/bin/sh"'), 'unsupported\n');
  assert.is(answer('object-format', 'true'), 'unsupported\n');
  assert.equal(options, { progress: true, verbosity: 3 });
});

test('nothing but connect and option is offered', () => assert.is(capabilities, 'connect\noption\n\n'));

test.run();
