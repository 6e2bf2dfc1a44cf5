import { suite } from '../harness/suite.ts';
import { terminalJourney } from './terminal-journey.ts';
import { onPlainCluster, onRestrictedCluster } from './ground.ts';

for (const ground of [onPlainCluster, onRestrictedCluster]) {
  const test = suite(`journey: terminal (${ground.title})`);
  terminalJourney(test, ground);
  test.run();
}
