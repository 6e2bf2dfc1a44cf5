import * as assert from 'uvu/assert';
import { PaudeError } from '../../lib/errors.ts';
import { gitHint } from '../../lib/remote/git-hints.ts';
import { suite } from '../harness/suite.ts';

const test = suite('hints to git');
const url = 'paude://kubernetes/my%20ctx/b/x';
const place = "--backend=kubernetes --kubernetes-context='my ctx' --namespace=b";
const hint = (remote: string, text: string) =>
  gitHint([remote, url], new PaudeError('SESSION_STOPPED', 'it is stopped', { hint: text }));

test('our own remote of a session tells where it is, but not what is to be deleted or made', () => {
  assert.is(hint('paude-x', 'git paude start x --detach'), 'git paude start x --detach');
  assert.is(hint('paude-x', 'git paude delete x --confirm'), `git paude delete x ${place} --confirm`);
  assert.is(hint('paude-x', 'git paude create x'), `git paude create x ${place}`);
});

test('another remote and a URL do not', () => {
  for (const remote of ['origin', url])
    assert.is(
      hint(remote, 'git paude stop x && git paude start x --detach'),
      `git paude stop x ${place} && git paude start x ${place} --detach`,
    );
});

test('what has its place, or is no command of a session, is left as it is', () => {
  for (const text of [
    `git paude delete x ${place} --confirm`,
    'git paude sync --dry-run lists all',
    'git paude image build',
    'give the same command again',
  ])
    assert.is(hint('origin', text), text);
  assert.is(gitHint(['origin', 'paude://'], new PaudeError('URL_INVALID', 'none', { hint: 'so' })), 'so');
});

test.run();
