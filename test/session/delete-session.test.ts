import { PassThrough, Readable } from 'node:stream';
import * as assert from 'uvu/assert';
import { interrupted } from '../../lib/errors.ts';
import { sessionName } from '../../lib/names.ts';
import type { Backend } from '../../lib/session/backend.ts';
import { planDelete } from '../../lib/session/delete-session.ts';
import { suite } from '../harness/suite.ts';

const test = suite('what a delete would remove');
const never = new AbortController().signal;
const name = sessionName('x');
const oid = 'a'.repeat(40);

test('of a session that takes long to stop again, what was seen in it is told', async () => {
  const location = { backend: 'podman', name } as const;
  const backend = {
    whoami: async () => 'test',
    locate: () => location,
    get: async () => ({ location, owner: 'test', state: 'stopped' }),
    start: async function* () {
      yield { text: 'starting', begun: true };
    },
    open: async () => ({
      stdin: new PassThrough(),
      stdout: Readable.from([`${oid} refs/heads/work\ndirty 2\n`]),
      stderr: Readable.from([]),
      exit: new Promise((resolve) => setTimeout(() => resolve(0), 50)),
      [Symbol.asyncDispose]: async () => undefined,
    }),
    // As where the time for it is over.
    stop: async () => {
      throw interrupted();
    },
  } as unknown as Backend;
  const image = async () => 'none';
  const ports = { backend, ensureImage: image, ensureProxyImage: image };
  const repository = { present: async () => new Set<string>(), remotes: async () => [] };
  const options = { confirmed: false, notMine: false };
  const plan = await planDelete(ports, name, repository, options, () => undefined, never);
  assert.equal(plan, { remotes: [], unsaved: [{ branch: 'work', oid }], uncommitted: 2 });
});

test.run();
