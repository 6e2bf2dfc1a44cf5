import { suite } from '../harness/suite.ts';
import { onPodman } from './ground.ts';
import { toolsJourney } from './tools-journey.ts';

const test = suite('journey: tools');
toolsJourney(test, onPodman);
test.run();
