import { connect } from '../../lib/backends/kubernetes/api-connection.ts';
import { paths } from '../../lib/backends/kubernetes/cluster.ts';
import { manifests } from '../../lib/backends/kubernetes/objects.ts';
import { sessionName } from '../../lib/names.ts';
import { clusterEnv } from './cluster-world.ts';

/** Makes so many sessions in a namespace, as objects only: many-0, many-1, … Nothing of them ever runs. */
export async function makeSessionObjects(namespace: string, count: number): Promise<void> {
  const connection = await connect('plain', { env: clusterEnv('certificate'), interactive: false });
  const names = Array.from({ length: count }, (_, number) => sessionName(`many-${number}`));
  const description = { agent: 'claude', agentArgs: [], packages: [], yolo: false, allowNetwork: true };
  const post = async () => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      const spec = { name, image: 'none', description };
      const { set } = manifests(spec, 'alice', { assignsUsers: false });
      await connection.request('POST', paths.sets(namespace), { body: set });
    }
  };
  await Promise.all(Array.from({ length: 8 }, post));
  connection.close();
}
