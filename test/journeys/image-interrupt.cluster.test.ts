import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { testCluster } from '../harness/cluster-world.ts';
import { externalRegistry, registrySkip, type TestRegistry } from '../harness/registries.ts';
import { suite } from '../harness/suite.ts';
import { onPlainCluster } from './ground.ts';
import { building, logIn } from './image-ground.ts';
import { begin } from './interruptible.ts';
import { until, World } from './world.ts';

const test = suite('journey: a push of an image is interrupted');
let registry: TestRegistry | undefined;
let world: World | undefined;

test.after(() => {
  world?.end();
  registry?.end();
});

/** The layers that came whole, each with its repository. */
const finished = (log: readonly string[]) =>
  log.flatMap((line) => {
    const [, name, digest] = /^PUT (\S*)\/uploads\/\S*digest=(\S+?)(?:&\S*)? 201$/.exec(line) ?? [];
    return name === undefined ? [] : `${name} ${digest}`;
  });

test.skipIf(registrySkip)(
  'Ctrl-C in create, in git push and in image push leaves nothing half-made, and what has arrived is not sent again',
  async () => {
    const { host, log } = (registry = await externalRegistry());
    const on = (world = new World(building(onPlainCluster, testCluster.certificate)));
    logIn(on, host);
    const temporary = join(on.root, 'temporary');
    mkdirSync(temporary);
    const [created, pushed] = [on.session('broken-off'), on.session('pushed')];
    const flag = `--openshift-registry=${host}/me`;
    on.git('config', 'paude.openshiftRegistry', `${host}/me`);
    on.git('config', 'paude.pullSecret', 'auto');
    const create = ['paude', 'create', created];
    const push = ['push', on.ground.url(pushed), 'main'];
    const arrived: string[] = [];

    for (const command of [create, push, ['paude', 'image', 'push', flag]]) {
      const running = begin(on, 'git', command, { TMPDIR: temporary });
      const fresh: string[] = [];
      const arriving = () => {
        fresh.push(...log());
        return finished(fresh);
      };
      await until(arriving, (found) => found.length > 0, 240_000);
      running.interrupt();
      const { code, stdout, stderr } = await running.ended;
      fresh.push(...log());
      assert.equal([code, stdout], [130, ''], stderr);
      // git has been given the same Ctrl-C, and needs no word of it.
      if (command !== push) assert.match(stderr, /interrupted/);
      assert.equal(readdirSync(temporary), []);
      assert.is(on.run('pgrep', ['-f', temporary], '/').stdout, '');
      for (const name of [created, pushed]) assert.is(on.ground.objects(name), '');
      assert.is(on.git('remote').stdout, '');
      assert.equal(
        finished(fresh).filter((digest) => arrived.includes(digest)),
        [],
      );
      arrived.push(...finished(fresh));
      assert.equal(
        fresh.filter((line) => /^PUT \S*\/manifests\//.test(line)),
        [],
      );
    }

    const again = on.git(...push);
    assert.is(again.code, 0, again.stderr);
    const rest = finished(log());
    assert.ok(rest.length > 0);
    assert.equal(
      rest.filter((digest) => arrived.includes(digest)),
      [],
    );
    assert.ok(on.ground.isWhole(pushed));

    const createdAgain = on.git(...create);
    assert.is(createdAgain.code, 0, createdAgain.stderr);
    assert.equal(
      log().filter((line) => /^(PATCH|PUT)/.test(line)),
      [],
    );
    assert.ok(on.ground.isWhole(created));
  },
);

test.run();
