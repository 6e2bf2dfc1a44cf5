import type { SessionName } from '../../names.ts';
import type { Tunnel } from '../../tunnel.ts';
import type { Cluster } from './cluster.ts';
import { execTunnel } from './exec/exec-tunnel.ts';
import type { KubectlOptions } from './exec/kubectl-exec.ts';
import { NoWebSocket, type ExecTarget } from './exec/open-exec.ts';
import { container, podName } from './objects.ts';
import { serverSilence } from './server-silence.ts';

/** How commands reach a pod: git's `paude.transport`. */
export type Transport = 'auto' | 'websocket' | 'kubectl';

/** What running a command needs. */
export interface RunPorts {
  readonly cluster: Cluster;
  readonly env: NodeJS.ProcessEnv;
  /** Asked for no sooner than it counts, and not waited for where it hardly ever does. */
  readonly transport: () => Promise<Transport>;
}

/** The two ways to the same end; the second where the first can't be had. */
export interface Ways<T> {
  readonly viaWebSocket: () => Promise<T>;
  readonly viaKubectl: () => Promise<T>;
}

/** How the end of a stream is told that it may not tell itself. */
export interface Watching {
  readonly death: () => Promise<Error>;
  /** Aborted when the stream is over. */
  readonly over: AbortSignal;
}

/** The ways to run a command without a terminal. */
export function waysTo(
  ports: RunPorts,
  target: ExecTarget,
  signal: AbortSignal,
  watching: Watching,
): Ways<Tunnel> {
  return {
    viaWebSocket: () => execTunnel(ports.cluster.connection, target, { signal, death: watching.death }),
    viaKubectl: async () => {
      const { kubectlExec } = await import('./exec/kubectl-exec.ts');
      return kubectlExec(target, await kubectl(ports, signal, watching));
    },
  };
}

/** By the way that the settings name; without one, by WebSocket where it can be had. */
export async function openSettled<T>({ transport }: RunPorts, ways: Ways<T>): Promise<T> {
  const wanted = await transport();
  if (wanted === 'kubectl') return ways.viaKubectl();
  return ways.viaWebSocket().catch((error: unknown) => {
    if (!(error instanceof NoWebSocket) || wanted === 'websocket') throw error;
    return ways.viaKubectl();
  });
}

/** The same, begun before it is known what the settings say: for what waits for its input, and does nothing without. */
export async function openEarly(ports: RunPorts, ways: Ways<Tunnel>): Promise<Tunnel> {
  const early = ways.viaWebSocket();
  // Looked at below: a failure meanwhile must not count as unhandled.
  early.catch(() => undefined);
  const dropped = () => early.then((tunnel) => tunnel[Symbol.asyncDispose]()).catch(() => undefined);
  const wanted = await ports.transport().catch(async (error: unknown) => {
    await dropped();
    throw error;
  });
  if (wanted !== 'kubectl') return openSettled(ports, { ...ways, viaWebSocket: () => early });
  void dropped();
  return ways.viaKubectl();
}

/** How oc or kubectl is called. Throws BACKEND_MISSING where there is neither. */
export async function kubectl(
  { cluster, env }: RunPorts,
  signal: AbortSignal,
  watching: Watching,
): Promise<KubectlOptions> {
  const { findKubectl } = await import('./exec/kubectl-exec.ts');
  const death = () => {
    // The end of the asking is no news.
    const silence = serverSilence(cluster.connection, watching.over).catch(
      () => new Promise<never>(() => undefined),
    );
    return Promise.race([watching.death(), silence]);
  };
  const context = cluster.connection.inCluster ? undefined : cluster.context;
  return { program: await findKubectl(env), env, context, signal, death };
}

/** A command in the session's own container. */
export function targetOf(cluster: Cluster, name: SessionName, command: readonly string[]): ExecTarget {
  return { session: name, namespace: cluster.namespace, pod: podName(name), container, command };
}
