import type { KubernetesObject } from '@kubernetes/client-node';
import * as assert from 'uvu/assert';
import { refuseOlder } from '../../../lib/backends/kubernetes/volume-claim.ts';
import { isPaudeError } from '../../../lib/errors.ts';
import { sessionName } from '../../../lib/names.ts';
import { suite } from '../../harness/suite.ts';

const test = suite('the claim of a session');

const madeAt = (time: string) => ({ metadata: { creationTimestamp: time } }) as unknown as KubernetesObject;

test('a claim of the same moment is of another creator; an older one has the files of an earlier session', () => {
  const set = madeAt('2026-01-01T12:00:00Z');
  const place = { context: 'here', namespace: 'work' };
  refuseOlder(place, sessionName('a'), madeAt('2026-01-01T11:59:30Z'), set);
  assert.throws(
    () => refuseOlder(place, sessionName('a'), madeAt('2026-01-01T11:00:00Z'), set),
    (error: unknown) =>
      isPaudeError(error, 'NOT_REMOVED') &&
      /^git paude delete a --backend=kubernetes --kubernetes-context=here --namespace=work --confirm,/.test(
        error.hint!,
      ),
  );
});

test.run();
