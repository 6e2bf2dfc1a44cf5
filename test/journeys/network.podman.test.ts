import { suite } from '../harness/suite.ts';
import { OutsideOnPodman } from '../outside/on-podman.ts';
import { onPodman } from './ground.ts';
import { networkJourney } from './network-journey.ts';

const test = suite('journey: network');
networkJourney(test, onPodman, () => new OutsideOnPodman());
test.run();
