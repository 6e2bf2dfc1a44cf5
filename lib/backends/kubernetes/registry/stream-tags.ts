import { PaudeError } from '../../../errors.ts';
import { ApiStatus } from '../api-connection.ts';
import type { Cluster } from '../cluster.ts';
import { kubernetesError } from '../kubernetes-errors.ts';

/**
 * The tags of OpenShift's image streams: who may edit a project may delete them, while its registry itself deletes
 * for administrators only (image.openshift.io/v1, ImageStreamTag; oc adm prune images).
 */
export function streamTags(cluster: Cluster) {
  const partsOf = (name: string) => {
    const at = name.indexOf('/');
    return { namespace: name.slice(0, at), stream: name.slice(at + 1) };
  };
  const byHand = (name: string, tag: string): string => {
    const { namespace, stream } = partsOf(name);
    return `oc delete imagestreamtag ${stream}:${tag} -n ${namespace}`;
  };

  return {
    byHand,
    /** `name` is NAMESPACE/STREAM. False where there is no such tag, or no image streams. Throws FORBIDDEN. */
    async remove(name: string, tag: string, signal: AbortSignal): Promise<boolean> {
      const { namespace, stream } = partsOf(name);
      const path = `/apis/image.openshift.io/v1/namespaces/${namespace}/imagestreamtags/${stream}:${tag}`;
      try {
        await cluster.connection.request('DELETE', path, { signal });
        return true;
      } catch (error) {
        if (error instanceof ApiStatus && error.code === 404) return false;
        const found = kubernetesError(`delete the image stream tag ${stream}:${tag}`, cluster, error);
        if (found.code !== 'FORBIDDEN') throw found;
        const hint = `who has the right can: ${byHand(name, tag)}`;
        throw new PaudeError('FORBIDDEN', found.message, { hint, cause: error });
      }
    },
  };
}
