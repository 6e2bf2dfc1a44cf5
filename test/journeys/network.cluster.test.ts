import { suite } from '../harness/suite.ts';
import { OutsideOnCluster } from '../outside/on-cluster.ts';
import { onRestrictedCluster } from './ground.ts';
import { networkJourney } from './network-journey.ts';

const test = suite(`journey: network (${onRestrictedCluster.title})`);
networkJourney(test, onRestrictedCluster, () => new OutsideOnCluster());
test.run();
