import { suite } from '../harness/suite.ts';
import { OutsideOnCluster } from '../outside/on-cluster.ts';
import { onRestrictedCluster } from './ground.ts';
import { programsJourney } from './programs-journey.ts';

const test = suite('journey: programs, cluster');
// The image is the tests' own.
programsJourney(test, onRestrictedCluster, () => new OutsideOnCluster(), false);
test.run();
