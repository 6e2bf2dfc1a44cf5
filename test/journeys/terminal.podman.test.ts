import { suite } from '../harness/suite.ts';
import { terminalJourney } from './terminal-journey.ts';
import { onPodman } from './ground.ts';

const test = suite('journey: terminal');
terminalJourney(test, onPodman);
test.run();
