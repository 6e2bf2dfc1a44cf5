import { PaudeError } from '../../errors.ts';
import { isNamespace } from '../../names.ts';
import { shellWord } from '../../printable.ts';
import type { Backend } from '../../session/backend.ts';
import { clusterIn, type Cluster } from './cluster.ts';
import { connect, KubeconfigError } from './api-connection.ts';
import { completeObjects } from './complete-objects.ts';
import { createObjects } from './create-objects.ts';
import { changeRules } from './change-rules.ts';
import { kubeconfigError } from './kubernetes-errors.ts';
import { openings } from './openings.ts';
import { findSession, findSessions } from './query.ts';
import { leftObjects, removeObjects } from './remove-objects.ts';
import { attachCommand, runCommand } from './run-command.ts';
import type { Transport } from './transport.ts';
import { stopPod } from './scale.ts';
import { startPod } from './start-pod.ts';

export interface KubernetesOptions {
  /** KUBECONFIG, HOME, HTTPS_PROXY and the like. */
  readonly env: NodeJS.ProcessEnv;
  /** A person typed the command on a terminal. */
  readonly interactive: boolean;
  /** Of the kubeconfig; without one, the current context. */
  readonly context: string | undefined;
  /** Without one, the context's. */
  readonly namespace: string | undefined;
  /** Or what finds it out. */
  readonly transport: Transport | (() => Promise<Transport>);
  /** Whether a list is of all namespaces. */
  readonly everywhere: boolean;
}

/**
 * Sessions in a namespace of a cluster: a StatefulSet and a PersistentVolumeClaim each, and a proxy with its policies. The cluster is the store.
 * Contacts nothing yet. Throws KUBECONFIG_MISSING, KUBECONFIG_INVALID, CONTEXT_UNKNOWN.
 */
export async function openKubernetes(options: KubernetesOptions): Promise<Backend> {
  return kubernetesBackend(await openCluster(options), options);
}

/** The namespace alone, for what is no session's: the images of its registry. Throws like `openKubernetes`. */
export async function openCluster(
  options: Pick<KubernetesOptions, 'env' | 'interactive' | 'context' | 'namespace'>,
): Promise<Cluster> {
  const connection = await connect(options.context, options).catch((error: unknown) => {
    throw error instanceof KubeconfigError ? kubeconfigError(error) : error;
  });
  const namespace = options.namespace ?? connection.namespace ?? 'default';
  if (isNamespace(namespace)) return clusterIn(connection, namespace);
  const { context } = connection;
  throw new PaudeError(
    'KUBECONFIG_INVALID',
    `the context ${context} names a namespace that is none: ${JSON.stringify(namespace)}`,
    { hint: `kubectl config set-context ${shellWord(context)} --namespace=NAME` },
  );
}

export function kubernetesBackend(
  cluster: Cluster,
  { env, transport, everywhere }: Pick<KubernetesOptions, 'env' | 'transport' | 'everywhere'>,
): Backend {
  const { connection, namespace } = cluster;
  const ports = {
    cluster,
    env,
    transport: typeof transport === 'string' ? async () => transport : transport,
  };
  return {
    name: 'kubernetes',
    locate: (name) => ({ backend: 'kubernetes', context: connection.context, namespace, name }),
    whoami: async (signal) => (await cluster.facts(signal)).user,
    check: async (signal) => void (await cluster.facts(signal)),
    create: (spec, _, signal) => createObjects(cluster, spec, signal),
    complete: (session, signal) => completeObjects(cluster, session, signal),
    start: (name, signal, options) => startPod(cluster, name, signal, options),
    stop: (name, signal) => stopPod(cluster, name, signal),
    remove: (name, signal) => removeObjects(cluster, name, signal),
    leftovers: (name, signal) => leftObjects(cluster, name, signal),
    get: (name, signal) => findSession(cluster, name, signal),
    list: (signal) => findSessions(cluster, everywhere, signal),
    open: (name, command, signal, role, waits) => runCommand(ports, name, command, signal, role, waits),
    changeRules: (name, change, signal) => changeRules(cluster, name, change, signal),
    openings: (name, signal) => openings(cluster, name, signal),
    attach: (name, command, terminal, signal) => attachCommand(ports, name, command, terminal, signal),
  };
}
