import { PassThrough, Readable } from 'node:stream';
import * as assert from 'uvu/assert';
import { interrupted } from '../../lib/errors.ts';
import { sessionName } from '../../lib/names.ts';
import type { Backend } from '../../lib/session/backend.ts';
import { lossesOf, planDelete } from '../../lib/session/delete-session.ts';
import { suite } from '../harness/suite.ts';

const test = suite('what a delete would remove');
const never = new AbortController().signal;
const name = sessionName('x');
const oid = 'a'.repeat(40);

/** Plans the delete of a stopped session that says this of its repository; `stop` is what comes of stopping it again. */
function planned(said: string, stop = async () => undefined) {
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
      stdout: Readable.from([said]),
      stderr: Readable.from([]),
      exit: new Promise((resolve) => setTimeout(() => resolve(0), 50)),
      [Symbol.asyncDispose]: async () => undefined,
    }),
    stop,
  } as unknown as Backend;
  const image = async () => 'none';
  const ports = { backend, ensureImage: image, ensureProxyImage: image };
  const repository = { present: async () => new Set<string>(), remotes: async () => [] };
  const options = { confirmed: false, notMine: false };
  return planDelete(ports, name, repository, options, () => undefined, never);
}

test('of a session that takes long to stop again, what was seen in it is told', async () => {
  const plan = await planned(`${oid} refs/heads/work\ndirty 2\nover\n`, async () => {
    // As where the time for it is over.
    throw interrupted();
  });
  assert.equal(plan, { remotes: [], unsaved: [{ branch: 'work', oid }], uncommitted: 2 });
});

test('a session of which not all has come is not one without work', async () => {
  for (const said of ['', `${oid} refs/heads/work\n`, `${oid} refs/heads/over\n`, `${oid} refs/heads/wo`]) {
    const { unseen, unsaved } = await planned(said);
    assert.match(unseen ?? '', 'the connection to the session x was lost', said);
    assert.equal(unsaved, []);
  }
  assert.equal(await planned('over\n'), { remotes: [], unsaved: [], uncommitted: 0 });
});

test('how many paths would be lost is told in English', () => {
  const plan = { remotes: [], unsaved: [] };
  const said = [0, 1, 2].map((uncommitted) => lossesOf({ ...plan, uncommitted }));
  assert.equal(said, [
    [],
    ['1 path has changes that are not committed'],
    ['2 paths have changes that are not committed'],
  ]);
});

test.run();
