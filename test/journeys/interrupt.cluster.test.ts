import { suite } from '../harness/suite.ts';
import { interruptJourney } from './interrupt-journey.ts';
import { onPlainCluster, onRestrictedCluster } from './ground.ts';

for (const ground of [onPlainCluster, onRestrictedCluster]) {
  const test = suite(`journey: interrupt (${ground.title})`);
  interruptJourney(test, ground);
  test.run();
}
