import * as assert from 'uvu/assert';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { asAdmin, ownClusterSkip } from '../../harness/cluster-parts.ts';
import { type ClusterRepository, until, type Running } from '../../harness/cluster-repository.ts';
import { proxiedSession, type ProxiedSession } from '../../harness/proxied-session.ts';
import { suite } from '../../harness/suite.ts';

const test = suite('a pod that is killed');
const it = test.skipIf(ownClusterSkip);
/** So slow that there is a middle to kill in. */
const rate = 9 * 2 ** 20;
/** More than all that stands between the pod and the client can hold: what is there is fetched whole all the same. */
const size = 60 * 2 ** 20;
let session: ProxiedSession;
let world: ClusterRepository;
let name: string;

test.before(async () => {
  if (ownClusterSkip !== undefined) return;
  session = await proxiedSession('kill', { rate });
  ({ world, name } = session);
});
test.after(async () => {
  if (ownClusterSkip === undefined) await session.end();
});

const deletePod = () =>
  asAdmin('delete', 'pod', `paude-${name}-0`, '-n', world.namespace, '--grace-period=1');

/** Ends every process of the session's container at once. */
async function killProcesses(): Promise<void> {
  const wanted = `PAUDE_SESSION=${name}\0`;
  const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  const mine = pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(wanted);
    } catch {
      return false; // it has ended
    }
  });
  assert.ok(mine.length > 0);
  for (const pid of mine) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch (error) {
      // The first one takes the others along.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

const middle = (running: Running, words: RegExp) => until(running.said, (text) => words.test(text));
const truth = new RegExp(
  `paude: (the session \\S+ ended while a command ran in it|the connection to the session \\S+ was lost: its (pod was removed|container has ended)|\\S+ in the session \\S+ ended with 1(37|43))`,
);

for (const [how, kill] of [
  ['deleted', deletePod],
  ['whose processes are killed', killProcesses],
] as const) {
  it(`${how} in mid-push: it is said, the next push lands, and the repository is whole`, async () => {
    const head = world.big(size);
    const push = world.start('git', ['push', '--progress', world.url(name), 'main'], session.line.env);
    await middle(push, /Writing objects: +[1-9]/);
    await kill();
    const { code, stderr } = await push.ended;
    assert.is.not(code, 0);
    assert.match(stderr, truth, stderr);
    const again = await world.git('push', world.url(name), 'main');
    assert.is(again.code, 0, again.stderr);
    await session.landed('main', head);
  });

  it(`${how} in mid-fetch: it is said, and the next fetch brings all`, async () => {
    const clone = join(world.root, `clone-${how.split(' ')[0]}`);
    const fetch = world.start('git', ['clone', '--progress', world.url(name), clone], session.line.env);
    await middle(fetch, /Receiving objects: +[1-9]/);
    await kill();
    const { code, stderr } = await fetch.ended;
    assert.is.not(code, 0);
    assert.match(stderr, truth, stderr);
    const again = await world.git('clone', '-q', world.url(name), clone);
    assert.is(again.code, 0, again.stderr);
    assert.is((await world.git('-C', clone, 'fsck', '--full')).code, 0);
  });
}

test.run();
