import { rmSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { homeWithLogin, kubectl, openshiftRoute, registrySkip } from '../harness/registries.ts';
import { testCluster } from '../harness/cluster-world.ts';
import { removeSmallImages, smallImage } from '../harness/small-images.ts';
import { suite } from '../harness/suite.ts';
import { portsOf, uploads } from './carrying.ts';

const test = suite('a route that may not be seen');
const signal = new AbortController().signal;
const namespace = 'paude-plain';
const name = 'paude-test-hidden';

/** An image stream as OpenShift keeps it, which here nobody does; and the right to see it, which `edit` has there. */
const objects = [
  {
    apiVersion: 'image.openshift.io/v1',
    kind: 'ImageStream',
    metadata: { name, namespace },
    status: {
      dockerImageRepository: `image-registry.openshift-image-registry.svc:5000/${namespace}/${name}`,
      publicDockerImageRepository: `${testCluster?.hostAddress}/${namespace}/${name}`,
    },
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name, namespace },
    rules: [{ apiGroups: ['image.openshift.io'], resources: ['imagestreams'], verbs: ['get', 'list'] }],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name, namespace },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
    subjects: [{ kind: 'User', name: 'bob' }],
  },
];
const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });

test.skipIf(registrySkip)('its host is found in the public repository of an image stream', async () => {
  const route = await openshiftRoute(false);
  const home = homeWithLogin(testCluster.external);
  kubectl(['apply', '-f', '-'], list);
  try {
    const { cluster, images } = await portsOf(home, 'token', {});
    const tag = smallImage('hidden', 3000);
    const [reference] = await images.carry(cluster, [tag], 'linux/amd64', () => undefined, signal);
    assert.match(reference!, `image-registry.openshift-image-registry.svc:5000/${namespace}/paude-small`);
    assert.ok(uploads(route.log()).length > 0);
  } finally {
    kubectl(['delete', '-f', '-'], list);
    route.end();
    rmSync(home, { recursive: true, force: true });
    removeSmallImages();
  }
});

test.run();
