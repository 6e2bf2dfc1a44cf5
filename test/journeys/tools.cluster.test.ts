import { suite } from '../harness/suite.ts';
import { onClusterBuilding } from './ground.ts';
import { toolsJourney } from './tools-journey.ts';

const test = suite(`journey: tools (${onClusterBuilding.title})`);
toolsJourney(test, onClusterBuilding);
test.run();
