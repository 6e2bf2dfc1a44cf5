import type { V1Namespace, V1StatefulSet } from '@kubernetes/client-node';
import type { SessionName } from '../../names.ts';
import { ApiStatus, type ApiConnection } from './api-connection.ts';
import { kubernetesError } from './kubernetes-errors.ts';
import { objectName, type ClusterFacts } from './objects.ts';

/** A namespace of a cluster, as its user. Errors are ours. */
export interface Cluster {
  readonly connection: ApiConnection;
  readonly context: string;
  readonly namespace: string;
  /** One request; throws PaudeError. `what` says for an error what was being done. */
  ask<T>(what: string, method: string, path: string, options: AskOptions): Promise<T>;
  /** The same, and undefined where there is nothing of this name. */
  find<T>(what: string, path: string, signal: AbortSignal): Promise<T | undefined>;
  /** What it takes to make a session here: who we are, and what the namespace decides. Asked for once. */
  facts(signal: AbortSignal): Promise<Facts>;
}

export interface Facts extends ClusterFacts {
  /** The user's name, as the API server knows it. */
  readonly user: string;
}

export interface AskOptions {
  readonly signal: AbortSignal;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly query?: Readonly<Record<string, string>>;
}

/** The namespace's own annotation of the users that it assigns (OpenShift: security context constraints). */
const usersOfNamespace = 'openshift.io/sa.scc.uid-range';

export function clusterIn(connection: ApiConnection, namespace: string): Cluster {
  let known: Promise<Facts> | undefined;
  const cluster: Cluster = {
    connection,
    context: connection.context,
    namespace,
    async ask<T>(what: string, method: string, path: string, options: AskOptions): Promise<T> {
      try {
        return (await connection.request<T>(method, path, options)).body;
      } catch (error) {
        throw kubernetesError(what, cluster, error);
      }
    },
    async find<T>(what: string, path: string, signal: AbortSignal): Promise<T | undefined> {
      try {
        return (await connection.request<T>('GET', path, { signal })).body;
      } catch (error) {
        if (error instanceof ApiStatus && error.code === 404 && isAboutObject(error)) return undefined;
        throw kubernetesError(what, cluster, error);
      }
    },
    facts: (signal) => {
      known ??= factsOf(cluster, signal).catch((error: unknown) => {
        known = undefined;
        throw error;
      });
      return known;
    },
  };
  return cluster;
}

/** A 404 for the object itself, and not for its namespace or for an API that is not served. */
function isAboutObject({ details }: ApiStatus): boolean {
  return details?.name !== undefined && details.kind !== 'namespaces';
}

async function factsOf(cluster: Cluster, signal: AbortSignal): Promise<Facts> {
  const [user, assignsUsers] = await Promise.all([whoami(cluster, signal), assigns(cluster, signal)]);
  return { user, assignsUsers };
}

/** Who we are to the API server (SelfSubjectReview, authentication.k8s.io/v1, served since 1.28). */
async function whoami(cluster: Cluster, signal: AbortSignal): Promise<string> {
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  try {
    const { body: review } = await cluster.connection.request<{
      status?: { userInfo?: { username?: string } };
    }>('POST', path, { body, signal });
    return review.status?.userInfo?.username ?? '';
  } catch (error) {
    if (!(error instanceof ApiStatus) || error.code !== 404) {
      throw kubernetesError('ask who you are', cluster, error);
    }
    // An OpenShift older than that API has one of its own.
    const own = '/apis/user.openshift.io/v1/users/~';
    const asking = cluster.connection.request<{ metadata?: { name?: string } }>('GET', own, { signal });
    const answer = await asking.catch((reason: unknown) => {
      // A Kubernetes as old, which has neither: the kubeconfig's own name for the user is what is left.
      if (reason instanceof ApiStatus && reason.code === 404) return undefined;
      throw kubernetesError('ask who you are', cluster, reason);
    });
    return answer?.body.metadata?.name ?? cluster.connection.user;
  }
}

/** Whether pods here are given their users. Where the namespace may not be looked at, the API groups tell. */
async function assigns(cluster: Cluster, signal: AbortSignal): Promise<boolean> {
  const { connection, namespace } = cluster;
  try {
    const path = `/api/v1/namespaces/${namespace}`;
    const { body } = await connection.request<V1Namespace>('GET', path, { signal });
    return body.metadata?.annotations?.[usersOfNamespace] !== undefined;
  } catch (error) {
    if (!(error instanceof ApiStatus) || error.code !== 403) {
      throw kubernetesError(`look at the namespace ${namespace}`, cluster, error);
    }
  }
  const served = await cluster.ask<{ groups?: { name: string }[] }>(
    'look at what is served',
    'GET',
    '/apis',
    { signal },
  );
  return (served.groups ?? []).some(({ name }) => name === 'security.openshift.io');
}

/** The paths of what a session consists of. */
export const paths = {
  sets: (namespace: string) => `/apis/apps/v1/namespaces/${namespace}/statefulsets`,
  set: (namespace: string, name: SessionName) => `${paths.sets(namespace)}/${objectName(name)}`,
  claims: (namespace: string) => `/api/v1/namespaces/${namespace}/persistentvolumeclaims`,
  claim: (namespace: string, name: SessionName) => `${paths.claims(namespace)}/${objectName(name)}`,
  secrets: (namespace: string) => `/api/v1/namespaces/${namespace}/secrets`,
  proxySet: (namespace: string, name: SessionName) => `${paths.sets(namespace)}/proxy-${objectName(name)}`,
  services: (namespace: string) => `/api/v1/namespaces/${namespace}/services`,
  policies: (namespace: string) => `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies`,
  pods: (namespace: string) => `/api/v1/namespaces/${namespace}/pods`,
  events: (namespace: string) => `/api/v1/namespaces/${namespace}/events`,
} as const;

/** A session's StatefulSet, whoever's it is; undefined where there is none. */
export function findSet(
  cluster: Cluster,
  name: SessionName,
  signal: AbortSignal,
): Promise<V1StatefulSet | undefined> {
  return cluster.find(`look for the session ${name}`, paths.set(cluster.namespace, name), signal);
}
