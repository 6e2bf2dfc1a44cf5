import * as assert from 'uvu/assert';
import { ownClusterSkip } from '../../harness/cluster-parts.ts';
import { ClusterRepository } from '../../harness/cluster-repository.ts';
import { lineTo } from '../../harness/proxied-session.ts';
import { suite } from '../../harness/suite.ts';
import { kubectl } from '../../journeys/cluster-admin.ts';

const test = suite('a create whose connection is cut');
const it = test.skipIf(ownClusterSkip);
let world: ClusterRepository;

test.before(() => {
  if (ownClusterSkip === undefined) world = new ClusterRepository();
});
test.after(async () => {
  if (ownClusterSkip === undefined) await world.end();
});

/** Everything with the session's label. */
function objectsOf(name: string): readonly string[] {
  const kinds = 'statefulsets,pods,services,networkpolicies,secrets,persistentvolumeclaims';
  const wanted = ['-n', world.namespace, '-l', `paude.io/session=${name}`, '-o', 'name'];
  return kubectl(['get', kinds, ...wanted])
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}

function wholeOf(name: string): readonly string[] {
  const [sets, policies] = ['statefulset.apps', 'networkpolicy.networking.k8s.io'];
  return [
    ...[`persistentvolumeclaim/paude-${name}`, `service/proxy-paude-${name}`],
    ...[sets, policies].flatMap((kind) => [`${kind}/paude-${name}`, `${kind}/proxy-paude-${name}`]),
  ].sort();
}

/** How many bytes come from the server while a session is created. */
async function measured(): Promise<number> {
  await using line = await lineTo(world);
  const { code, stderr } = await world.start('git', ['paude', 'create', world.session('whole')], line.env)
    .ended;
  assert.is(code, 0, stderr);
  return line.proxy.passed.down;
}

for (const once of [true, false]) {
  it(`${once ? 'just once' : 'for good'}, at many offsets: the next one gives a whole session`, async () => {
    const whole = await measured();
    const offsets = Array.from({ length: 12 }, (_, index) => Math.round((whole * (index + 1)) / 12.5));
    const cutAt = async (offset: number) => {
      await using line = await lineTo(world);
      const name = world.session(`${once ? 'once' : 'gone'}-${offset}`);
      const create = () => world.start('git', ['paude', 'create', name], line.env).ended;
      line.proxy.cutAfter('down', offset, once);
      const { code, stderr } = await create();
      const where = `${offset} of ${whole}: ${stderr}`;
      if (code !== 0) assert.match(stderr, /paude: the API server of plain can't be reached/, where);
      const left = objectsOf(name);
      if (code === 0) assert.equal(left, wholeOf(name), where);
      else if (once) assert.equal(left, [], where);
      line.proxy.mend();
      const again = await create();
      assert.is(again.code, 0, again.stderr);
      assert.equal(objectsOf(name), wholeOf(name), where);
    };
    const two = async () => {
      for (let next = offsets.pop(); next !== undefined; next = offsets.pop()) await cutAt(next);
    };
    await Promise.all([two(), two()]);
  });
}

it('what somebody has removed of a session is made again, with the address that the session knows', async () => {
  const name = world.session('removed');
  assert.is((await world.paude('create', name)).code, 0);
  const address = () =>
    kubectl([
      ...['get', 'service', `proxy-paude-${name}`, '-n', world.namespace],
      ...['-o', 'jsonpath={.spec.clusterIP}'],
    ]);
  const before = address();
  const gone = wholeOf(name).filter((object) => object !== `statefulset.apps/paude-${name}`);
  kubectl(['delete', '-n', world.namespace, ...gone]);
  const { code, stderr } = await world.paude('create', name);
  assert.is(code, 0, stderr);
  assert.equal(objectsOf(name), wholeOf(name));
  assert.is(address(), before);
});

it('a proxy that somebody has removed is there again after a start', async () => {
  const name = world.session('no-proxy');
  assert.is((await world.paude('create', name)).code, 0);
  kubectl(['delete', '-n', world.namespace, `statefulset.apps/proxy-paude-${name}`]);
  const { code, stderr } = await world.paude('start', '--detach', name);
  assert.is(code, 0, stderr);
});

it('of two at once whose storage class nobody knows, both say so, and nothing is left', async () => {
  const name = world.session('nope');
  const create = () => world.paude('create', name, '--storage-class=nope');
  for (const { code, stderr } of await Promise.all([create(), create()])) {
    assert.is(code, 1, stderr);
    assert.match(stderr, /the volume of \S+ can't be provisioned: .*"nope"/);
  }
  assert.equal(objectsOf(name), []);
});

test.run();
