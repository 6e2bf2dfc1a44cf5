import { suite } from '../harness/suite.ts';
import { interruptJourney } from './interrupt-journey.ts';
import { onPodman } from './ground.ts';

const test = suite('journey: interrupt');
interruptJourney(test, onPodman);
test.run();
