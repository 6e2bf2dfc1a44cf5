import * as assert from 'uvu/assert';
import { isPaudeError } from '../../lib/errors.ts';
import { sessionName } from '../../lib/names.ts';
import { parseLocation, type NamedPlace } from '../../lib/session/location.ts';
import { resolveSession, type ResolvePorts } from '../../lib/session/resolve-session.ts';
import { suite } from '../harness/suite.ts';

const test = suite('resolve-session');

function ports(
  remotes: readonly string[],
  sessions: readonly string[] = [],
  named: NamedPlace = {},
): ResolvePorts {
  return {
    named,
    remotes: async () => remotes.map(parseLocation),
    find: async () => [],
    locate: (name) => ({ backend: 'podman', name }),
    list: async () => sessions.map(parseLocation),
  };
}

test('a name means the session that a remote points to, else one of the backend in the settings', async () => {
  const kubernetes = 'paude://kubernetes/c/n/x';
  assert.equal(await resolveSession(ports([kubernetes]), 'x'), parseLocation(kubernetes));
  assert.equal(await resolveSession(ports([kubernetes]), 'y'), { backend: 'podman', name: sessionName('y') });
});

test('without a name: the only one of the remotes, else the only one there is', async () => {
  const x = 'paude://podman/x';
  assert.equal(await resolveSession(ports([x, x], [x, 'paude://podman/y']), undefined), parseLocation(x));
  assert.equal(await resolveSession(ports([], [x]), undefined), parseLocation(x));
});

test('what can not be decided lists the names', async () => {
  const both = ['paude://podman/x', 'paude://podman/y'];
  for (const given of [ports(both), ports([], both)]) {
    try {
      await resolveSession(given, undefined);
      assert.unreachable();
    } catch (error) {
      assert.ok(isPaudeError(error, 'SESSION_AMBIGUOUS'));
      assert.match((error as Error).message, /x, y/);
    }
  }
});

test('what is said of the place goes before the remotes, and decides between two', async () => {
  const both = ['paude://kubernetes/one/n/x', 'paude://kubernetes/two/n/x'];
  try {
    await resolveSession(ports(both), 'x');
    assert.unreachable();
  } catch (error) {
    assert.ok(isPaudeError(error, 'SESSION_AMBIGUOUS'));
    assert.match(error.message, /x in one\/n, x in two\/n/);
    assert.match(error.hint!, /--backend=kubernetes --kubernetes-context=two --namespace=n/);
  }
  const named = { backend: 'kubernetes', context: 'two', namespace: 'n' } as const;
  assert.equal(await resolveSession(ports(both, [], named), 'x'), parseLocation(both[1]!));
  assert.equal(await resolveSession(ports(both, [], { context: 'two' }), undefined), parseLocation(both[1]!));
  const here = { backend: 'podman', name: sessionName('x') } as const;
  assert.equal(await resolveSession(ports(both, [], { backend: 'podman' }), 'x'), here);
});

test('no session at all, and a name that is none', async () => {
  for (const [given, code] of [
    [undefined, 'SESSION_UNKNOWN'],
    ['A', 'NAME_INVALID'],
  ] as const) {
    try {
      await resolveSession(ports([]), given);
      assert.unreachable();
    } catch (error) {
      assert.ok(isPaudeError(error, code));
    }
  }
});

test.run();
