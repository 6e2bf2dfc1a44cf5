import { suite } from '../harness/suite.ts';
import { gitJourney } from './git-journey.ts';
import { onPodman } from './ground.ts';

const test = suite('journey: git');
gitJourney(test, onPodman);
test.run();
