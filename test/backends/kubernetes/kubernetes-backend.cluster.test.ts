import { openKubernetes } from '../../../lib/backends/kubernetes/kubernetes-backend.ts';
import { backendContract } from '../../contract/backend-contract.ts';
import { clusterEnv, clusterImage, clusterPlace, clusterSkip } from '../../harness/cluster-world.ts';
import { suite } from '../../harness/suite.ts';

const test = suite('kubernetes backend');

for (const [kind, place] of [
  ['certificate', 'plain'],
  ['token', 'restricted'],
] as const) {
  backendContract(
    test,
    `contract-${place}`,
    async () => {
      const env = clusterEnv(kind);
      const options = {
        env,
        interactive: false,
        ...clusterPlace(place),
        transport: 'auto',
        everywhere: false,
      } as const;
      return { backend: await openKubernetes(options), image: clusterImage };
    },
    clusterSkip,
  );
}

test.run();
