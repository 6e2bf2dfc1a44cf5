import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';

/** What `npm test` got ready for the tests on a cluster: a description of it, as test/cluster writes it. */
interface TestCluster {
  readonly admin: string;
  /** The kubeconfigs of two users with a project's `edit` rights: a client certificate, a bearer token. */
  readonly certificate: string;
  readonly token: string;
  /** Another user with a token, who may not port-forward to OpenShift's registry. */
  readonly confined: string;
  readonly registry: string;
  /** Where the nodes expect the registry outside of the cluster. */
  readonly external: string;
  readonly auditLog: string;
  readonly address: string;
  readonly hostAddress: string;
  /** Where its parts keep what they have. */
  readonly state: string;
  /** What it was built from. */
  readonly folder: string;
  /** Where kubectl is; a cluster that was not started here has it on the PATH. */
  readonly programs?: string;
}

const description = process.env['PAUDE_TEST_CLUSTER'];

/** Why the tests that need a cluster are skipped. */
export const clusterSkip: string | undefined =
  process.env['PAUDE_TEST_CLUSTER_SKIP'] ??
  (description === undefined ? 'run it with npm test, which starts a cluster' : undefined);

export const testCluster =
  description === undefined
    ? (undefined as unknown as TestCluster)
    : (JSON.parse(readFileSync(description, 'utf8')) as TestCluster);

/** The session's image, as the cluster's nodes pull it. */
export const clusterImage = process.env['PAUDE_TEST_CLUSTER_IMAGE'] ?? '';

/** The same of its proxy. */
export const clusterProxyImage = process.env['PAUDE_TEST_CLUSTER_PROXY_IMAGE'] ?? '';

interface Kubeconfig {
  readonly 'current-context': string;
  readonly contexts: readonly {
    readonly name: string;
    readonly context: { readonly namespace?: string };
  }[];
}

/** Where the tests make sessions: namespaces of the test cluster, or that of another cluster's current context. */
export function clusterPlace(context: 'plain' | 'restricted'): {
  readonly context: string;
  readonly namespace: string;
} {
  if (clusterSkip !== undefined || testCluster.programs !== undefined)
    return { context, namespace: `paude-${context}` };
  const config = load(readFileSync(testCluster.certificate, 'utf8')) as Kubeconfig;
  const current = config['current-context'];
  const found = config.contexts.find(({ name }) => name === current);
  return { context: current, namespace: found?.context.namespace ?? 'default' };
}

/** The environment of one of the users: the kubeconfig, and the cluster's own kubectl on the PATH. */
export function clusterEnv(user: 'certificate' | 'token' | 'confined' | 'admin'): NodeJS.ProcessEnv {
  if (clusterSkip !== undefined) return {};
  const { programs } = testCluster;
  const PATH = programs === undefined ? process.env['PATH'] : `${programs}:${process.env['PATH']}`;
  return { ...process.env, KUBECONFIG: testCluster[user], PATH };
}
