import type https from 'node:https';
import type { V1ConfigMap, V1Node, V1Pod, V1Service } from '@kubernetes/client-node';
import { isPaudeError, PaudeError } from '../../../errors.ts';
import { ApiStatus, type Upgrade } from '../api-connection.ts';
import type { Cluster } from '../cluster.ts';
import { grantOf, kubernetesError, refusedRight } from '../kubernetes-errors.ts';
import { ForwardingAgent } from './forwarding-agent.ts';
import { portForward, type ForwardTarget } from './port-forward.ts';
import { streamTags } from './stream-tags.ts';

/** Where OpenShift has its registry, and by which name nodes and pods know it. */
export const registryNamespace = 'openshift-image-registry';
const service = 'image-registry';
export const internalHost = `${service}.${registryNamespace}.svc:5000`;

/** A registry that can be spoken with. */
export interface Reachable {
  readonly name: string;
  readonly origin: URL;
  readonly options: https.RequestOptions;
  readonly close?: () => void;
}

/** What a cluster has to do with images. */
export interface ClusterRegistry {
  /**
   * The user's name and bearer token; undefined with a client certificate. Another one than was refused, if there is: a
   * plugin may run for it.
   */
  login(
    signal: AbortSignal,
    refused?: string,
  ): Promise<{ readonly username: string; readonly token: string } | undefined>;
  /** The internal registry's public address, or undefined where it has none. */
  route(signal: AbortSignal): Promise<Reachable | undefined>;
  /** The internal registry through a port-forward to one of its pods; undefined where there is none. */
  forward(signal: AbortSignal): Promise<Reachable | undefined>;
  /** The tags by which it keeps images. */
  readonly tags: ReturnType<typeof streamTags>;
  /** The platforms of the nodes, `linux/amd64`; none where they may not be looked at. */
  platforms(signal: AbortSignal): Promise<readonly string[]>;
}

export function clusterRegistry(cluster: Cluster): ClusterRegistry {
  const { connection } = cluster;

  function bearer({ options }: Upgrade): string | undefined {
    const { authorization } = options.headers as Record<string, string | undefined>;
    return /^Bearer (.+)$/.exec(authorization ?? '')?.[1];
  }

  return {
    tags: streamTags(cluster),

    async login(signal, refused) {
      const ask = () => connection.upgrade('/', {}, signal);
      const given = await ask();
      let token = bearer(given);
      if (token !== undefined && token === refused && connection.renew(given)) token = bearer(await ask());
      return token === undefined ? undefined : { username: (await cluster.facts(signal)).user, token };
    },

    async route(signal) {
      const host = (await routeHost(cluster, signal)) ?? (await streamHost(cluster, signal));
      if (host === undefined) return undefined;
      const ca = await authorities(cluster, 'kube-root-ca.crt', 'ca.crt', signal);
      return { name: `the registry's route ${host}`, origin: new URL(`https://${host}`), options: { ca } };
    },

    async forward(signal) {
      if ((await findTarget(cluster, signal)) === undefined) return undefined;
      let target: Promise<ForwardTarget | undefined> | undefined;
      const dial = async () => {
        target ??= findTarget(cluster, signal);
        try {
          const found = await target;
          if (found === undefined) throw new Error('the registry has no pod that runs');
          return await portForward(connection, found, signal);
        } catch (error) {
          // The pod may have been replaced.
          target = undefined;
          throw error instanceof ApiStatus ? forwardRefused(cluster, error) : error;
        }
      };
      const ca = await authorities(cluster, 'openshift-service-ca.crt', 'service-ca.crt', signal);
      const servername = internalHost.replace(/:\d+$/, '');
      const agent = new ForwardingAgent(dial);
      return {
        name: 'the registry through a port-forward',
        origin: new URL(`https://${internalHost}`),
        options: { agent, servername, ca },
        close: () => agent.destroy(),
      };
    },

    async platforms(signal) {
      try {
        const { body } = await connection.request<{ items: V1Node[] }>('GET', '/api/v1/nodes', { signal });
        const found = body.items
          .map(({ status }) => status?.nodeInfo)
          .map((info) => info && `${info.operatingSystem}/${info.architecture}`);
        return [...new Set(found.filter((one) => one !== undefined))];
      } catch (error) {
        if (error instanceof ApiStatus && error.code === 403) return [];
        throw kubernetesError('look at its nodes', cluster, error);
      }
    },
  };
}

/** What is not there, not served, or not to be seen is undefined. */
async function seen<T>(
  cluster: Cluster,
  what: string,
  path: string,
  signal: AbortSignal,
): Promise<T | undefined> {
  try {
    return (await cluster.connection.request<T>('GET', path, { signal })).body;
  } catch (error) {
    if (error instanceof ApiStatus && (error.code === 403 || error.code === 404)) return undefined;
    throw kubernetesError(what, cluster, error);
  }
}

async function routeHost(cluster: Cluster, signal: AbortSignal): Promise<string | undefined> {
  const path = `/apis/route.openshift.io/v1/namespaces/${registryNamespace}/routes/default-route`;
  const route = await seen<{ spec?: { host?: string } }>(
    cluster,
    "look for the registry's route",
    path,
    signal,
  );
  return route?.spec?.host;
}

/** Who may not see the route sees its host in any image stream (ImageStreamStatus, publicDockerImageRepository). */
async function streamHost(cluster: Cluster, signal: AbortSignal): Promise<string | undefined> {
  for (const namespace of [cluster.namespace, 'openshift']) {
    const path = `/apis/image.openshift.io/v1/namespaces/${namespace}/imagestreams`;
    const list = await seen<{ items?: { status?: { publicDockerImageRepository?: string } }[] }>(
      cluster,
      'look for image streams',
      path,
      signal,
    );
    const found = list?.items?.map(({ status }) => status?.publicDockerImageRepository).find(Boolean);
    if (found) return found.split('/')[0];
  }
  return undefined;
}

/** A pod behind the registry's service, and its port. Throws FORBIDDEN. */
async function findTarget(cluster: Cluster, signal: AbortSignal): Promise<ForwardTarget | undefined> {
  const base = `/api/v1/namespaces/${registryNamespace}`;
  const ask = async <T>(path: string, query = {}) => {
    try {
      return (await cluster.connection.request<T>('GET', `${base}/${path}`, { signal, query })).body;
    } catch (error) {
      if (error instanceof ApiStatus && error.code === 404) return undefined;
      throw error instanceof ApiStatus
        ? forwardRefused(cluster, error)
        : kubernetesError('look for the registry', cluster, error);
    }
  };
  const found = await ask<V1Service>(`services/${service}`);
  if (found === undefined) return undefined;
  const labelSelector = Object.entries(found.spec?.selector ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  const pods = await ask<{ items: V1Pod[] }>('pods', { labelSelector });
  const pod = pods?.items.find(isReady);
  const wanted = found.spec?.ports?.[0]?.targetPort ?? found.spec?.ports?.[0]?.port;
  if (pod === undefined || wanted === undefined) return undefined;
  const ports = pod.spec?.containers.flatMap((one) => one.ports ?? []) ?? [];
  const port = typeof wanted === 'number' ? wanted : ports.find(({ name }) => name === wanted)?.containerPort;
  return port === undefined ? undefined : { namespace: registryNamespace, pod: pod.metadata!.name!, port };
}

function isReady({ metadata, status }: V1Pod): boolean {
  const ready = status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True');
  return ready === true && metadata?.deletionTimestamp === undefined;
}

function forwardRefused(cluster: Cluster, error: ApiStatus): PaudeError {
  const found = kubernetesError(
    'port-forward to its registry',
    { ...cluster, namespace: registryNamespace },
    error,
  );
  if (!isPaudeError(found, 'FORBIDDEN')) return found;
  const { user } = refusedRight(error);
  const right = { user, verb: 'get,list,create', resource: 'services,pods,pods/portforward' };
  const grant = grantOf(right, { context: cluster.context, namespace: registryNamespace });
  return new PaudeError(
    'FORBIDDEN',
    `${found.message}; a port-forward needs the right to create pods/portforward there`,
    {
      hint: `use an external registry: --openshift-registry=quay.io/myuser; or an administrator grants it: ${grant}`,
      cause: error,
    },
  );
}

/** The authorities that the cluster itself publishes to every namespace, and those of the kubeconfig. */
async function authorities(
  cluster: Cluster,
  name: string,
  key: string,
  signal: AbortSignal,
): Promise<string[]> {
  const path = `/api/v1/namespaces/${cluster.namespace}/configmaps/${name}`;
  const map = await seen<V1ConfigMap>(cluster, 'look for its authorities', path, signal);
  const { options } = await cluster.connection.upgrade('/', {}, signal);
  return [map?.data?.[key], options.ca?.toString()].filter((pem) => pem !== undefined);
}
