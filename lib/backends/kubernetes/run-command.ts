import { setTimeout as wait } from 'node:timers/promises';
import { isPaudeError, PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import type { Role, Terminal } from '../../session/backend.ts';
import type { Tunnel } from '../../tunnel.ts';
import type { V1Pod } from '@kubernetes/client-node';
import { ApiStatus } from './api-connection.ts';
import { findSet, paths, type Cluster } from './cluster.ts';
import { assertOurs } from './create-objects.ts';
import { attachTerminal } from './exec/attach-terminal.ts';
import { execTunnel } from './exec/exec-tunnel.ts';
import type { KubectlOptions } from './exec/kubectl-exec.ts';
import { NoWebSocket, type ExecTarget } from './exec/open-exec.ts';
import { kubernetesError } from './kubernetes-errors.ts';
import { proxyPodName } from './network-objects.ts';
import { container, podName, writer } from './objects.ts';
import { podDeath } from './pod-death.ts';
import { podState } from './pod-state.ts';
import { unknown } from './scale.ts';

/** How commands reach a pod: git's `paude.transport`. */
export type Transport = 'auto' | 'websocket' | 'kubectl';

export interface RunPorts {
  readonly cluster: Cluster;
  readonly env: NodeJS.ProcessEnv;
  /** Asked for no sooner than it counts, and not waited for where it hardly ever does. */
  readonly transport: () => Promise<Transport>;
}

/**
 * How long a node and the API server may disagree about a pod, and between two looks; milliseconds. A container that
 * has ended just now is still called ready, and a kubelet that was just started knows no pods yet.
 */
const unsettled = 20_000;
const pause = 500;
/**
 * The kubelet's and containerd's words where they lack what the API server has, and the API server's where it can't ask
 * the kubelet.
 */
const disagreement = /container not found|task \w+ not found|pod does not exist|error dialing backend/;

/**
 * Runs a command in a session's pod; asks nothing first. What the API server refuses is explained by asking then. One
 * that `waits` for its input is asked for before the user's settings have been read: what they say of the transport is
 * heeded before it gets any.
 */
export async function runCommand(
  ports: RunPorts,
  name: SessionName,
  command: readonly string[],
  signal: AbortSignal,
  role: Role = 'session',
  waits = false,
): Promise<Tunnel> {
  const { cluster } = ports;
  const target = {
    ...targetOf(cluster, name, command),
    ...(role === 'credentials' && { container: writer }),
    ...(role === 'proxy' && { pod: proxyPodName(name), container: 'proxy' }),
  };
  const over = new AbortController();
  const died = podDeath(cluster, name, AbortSignal.any([signal, over.signal]), target.pod);
  const viaWebSocket = () => execTunnel(cluster.connection, target, { signal, died });
  const viaKubectl = async () => {
    const { kubectlExec } = await import('./exec/kubectl-exec.ts');
    return kubectlExec(target, await kubectl(ports, signal, died));
  };
  const ways = { viaWebSocket, viaKubectl };
  const opening: Promise<Tunnel> = waits ? openEarly(ports, ways) : openSettled(ports, ways);
  const tunnel = await opening.catch(async (error: unknown) => {
    over.abort();
    throw await explained(cluster, name, error);
  });
  let closed = false;
  const exit = tunnel.exit
    .catch(async (error: unknown) => {
      // What we have closed ourselves needs no reason.
      throw closed ? error : await explained(cluster, name, error);
    })
    .finally(() => over.abort());
  // Who waits for it hears of it; who does not is not to be ended by it.
  exit.catch(() => undefined);
  return {
    stdin: tunnel.stdin,
    stdout: tunnel.stdout,
    stderr: tunnel.stderr,
    exit,
    letGo() {
      closed = true;
      over.abort();
      tunnel.letGo();
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      await tunnel[Symbol.asyncDispose]();
    },
  };
}

interface Ways<T> {
  readonly viaWebSocket: () => Promise<T>;
  readonly viaKubectl: () => Promise<T>;
}

/** By the way that the settings name; without one, by WebSocket where it can be had. */
async function openSettled<T>({ transport }: RunPorts, ways: Ways<T>): Promise<T> {
  const wanted = await transport();
  if (wanted === 'kubectl') return ways.viaKubectl();
  return ways.viaWebSocket().catch((error: unknown) => {
    if (!(error instanceof NoWebSocket) || wanted === 'websocket') throw error;
    return ways.viaKubectl();
  });
}

async function openEarly(ports: RunPorts, ways: Ways<Tunnel>): Promise<Tunnel> {
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

async function kubectl(
  { cluster, env }: RunPorts,
  signal: AbortSignal,
  died: Promise<Error>,
): Promise<KubectlOptions> {
  const { findKubectl } = await import('./exec/kubectl-exec.ts');
  return { program: await findKubectl(env), env, context: cluster.context, signal, died };
}

/** The same on the user's terminal. */
export async function attachCommand(
  ports: RunPorts,
  name: SessionName,
  command: readonly string[],
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const { cluster } = ports;
  const over = new AbortController();
  const died = podDeath(cluster, name, AbortSignal.any([signal, over.signal]));
  const target = targetOf(cluster, name, command);
  try {
    return await openSettled(ports, {
      viaWebSocket: () => attachTerminal(cluster.connection, target, terminal, { signal, died }),
      viaKubectl: async () => {
        const { kubectlAttach } = await import('./exec/kubectl-attach.ts');
        return kubectlAttach(target, terminal, await kubectl(ports, signal, died));
      },
    });
  } catch (error) {
    throw await explained(cluster, name, error);
  } finally {
    over.abort();
  }
}

function targetOf(cluster: Cluster, name: SessionName, command: readonly string[]): ExecTarget {
  return { session: name, namespace: cluster.namespace, pod: podName(name), container, command };
}

/** What the session is doing tells why a command could not run, or why its connection broke. */
async function explained(cluster: Cluster, name: SessionName, error: unknown): Promise<PaudeError> {
  const broken = isPaudeError(error, 'CONNECTION_LOST');
  if (!broken && !(error instanceof ApiStatus && error.code !== 401 && error.code !== 403)) {
    return error instanceof NoWebSocket
      ? new PaudeError('BACKEND_FAILED', `no command can run in ${name}: ${error.message}`, { cause: error })
      : kubernetesError(`run a command in ${name}`, cluster, error);
  }
  const signal = AbortSignal.timeout(30_000);
  try {
    const set = await findSet(cluster, name, signal);
    if (set === undefined) return unknown(name);
    assertOurs(cluster, set);
    if (set.spec?.replicas !== 1) return broken ? died(name, error) : stopped(name, 'is stopped');
    const path = `${paths.pods(cluster.namespace)}/${podName(name)}`;
    for (const end = Date.now() + unsettled; ; await wait(pause)) {
      const state = podState(await cluster.find<V1Pod>('look at its pod', path, signal));
      if (state.type !== 'ready') {
        // Its pod was evicted, its node drained, or its container killed: a start waits for the new one.
        const doing = state.type === 'stuck' ? state.why : state.text;
        return broken ? died(name, error) : stopped(name, `does not run: ${doing}`);
      }
      // A connection that broke may have lost its container, of whose end the API server has not heard yet.
      if (!(broken || isDisagreement(error)) || Date.now() > end)
        return kubernetesError(`run a command in ${name}`, cluster, error);
      if (await answers(cluster, name, signal))
        return broken ? error : lost(name, 'its node was away for a moment', error);
    }
  } catch (second) {
    // The API server can't be asked: then that is why.
    return broken ? error : kubernetesError(`run a command in ${name}`, cluster, second);
  }
}

/** Whether a command can run: the container's node is the only one that knows. */
async function answers(cluster: Cluster, name: SessionName, signal: AbortSignal): Promise<boolean> {
  try {
    await using tunnel = await execTunnel(cluster.connection, targetOf(cluster, name, ['true']), { signal });
    tunnel.stdout.resume();
    tunnel.stderr.resume();
    return (await tunnel.exit.catch(() => 1)) === 0;
  } catch (error) {
    if (!isDisagreement(error)) throw error;
    return false;
  }
}

function isDisagreement(error: unknown): boolean {
  return error instanceof ApiStatus && disagreement.test(error.message);
}

function stopped(name: SessionName, how: string): PaudeError {
  return new PaudeError('SESSION_STOPPED', `the session ${name} ${how}`, {
    hint: `git paude start ${name}`,
  });
}

function lost(name: SessionName, why: string, cause: unknown): PaudeError {
  return new PaudeError('CONNECTION_LOST', `the connection to the session ${name} was lost: ${why}`, {
    hint: 'give the same command again',
    cause,
  });
}

function died(name: SessionName, cause: unknown): PaudeError {
  return new PaudeError('SESSION_DIED', `the session ${name} ended while a command ran in it`, {
    hint: `git paude start ${name}`,
    cause,
  });
}
