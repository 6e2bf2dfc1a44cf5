import { suite } from '../harness/suite.ts';
import { OutsideOnPodman } from '../outside/on-podman.ts';
import { onPodman } from './ground.ts';
import { programsJourney } from './programs-journey.ts';

const test = suite('journey: programs');
programsJourney(test, onPodman, () => new OutsideOnPodman(), true);
test.run();
