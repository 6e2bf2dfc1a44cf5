import { clusterPlace } from '../harness/cluster-world.ts';
import { suite } from '../harness/suite.ts';
import { OutsideOnCluster } from '../outside/on-cluster.ts';
import { companyJourney } from './company-journey.ts';
import { onPlainCluster } from './ground.ts';

const test = suite(`journey: a company’s network (${onPlainCluster.title})`);
const { namespace } = clusterPlace('plain');
let outside: OutsideOnCluster;
companyJourney(
  test,
  onPlainCluster,
  () => (outside = new OutsideOnCluster()),
  (session, script) =>
    outside.kubectl('exec', '-n', namespace, `proxy-paude-${session}-0`, '--', 'sh', '-c', script),
  (session) => outside.crashProxy(namespace, session),
);
test.run();
