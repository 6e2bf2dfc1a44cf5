import { suite } from '../harness/suite.ts';
import { failuresJourney } from './failures-journey.ts';
import { onPlainCluster } from './ground.ts';

const test = suite(`journey: failures (${onPlainCluster.title})`);
failuresJourney(test, onPlainCluster);
test.run();
