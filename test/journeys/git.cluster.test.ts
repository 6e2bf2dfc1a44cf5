import { suite } from '../harness/suite.ts';
import { gitJourney } from './git-journey.ts';
import { onPlainCluster, onRestrictedCluster } from './ground.ts';

for (const ground of [onPlainCluster, onRestrictedCluster]) {
  const test = suite(`journey: git (${ground.title})`);
  gitJourney(test, ground);
  test.run();
}
