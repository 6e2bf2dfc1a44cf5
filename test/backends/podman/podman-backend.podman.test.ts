import { podmanSkip } from '../../harness/podman-world.ts';
import { suite } from '../../harness/suite.ts';
import { podmanSuite } from './podman-suite.ts';

const test = suite('podman backend');
podmanSuite(test, 'present', 'podman', podmanSkip);
test.run();
