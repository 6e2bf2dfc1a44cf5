import type { SessionName } from '../../names.ts';
import type { Role, Terminal } from '../../session/backend.ts';
import type { Tunnel } from '../../tunnel.ts';
import type { Cluster } from './cluster.ts';
import { attachTerminal } from './exec/attach-terminal.ts';
import type { ExecTarget } from './exec/open-exec.ts';
import { explained, survived } from './explain-failure.ts';
import { podOf } from './network-objects.ts';
import { writer } from './objects.ts';
import { podDeath } from './pod-death.ts';
import {
  kubectl,
  openEarly,
  openSettled,
  targetOf,
  waysTo,
  type RunPorts,
  type Watching,
} from './transport.ts';

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
    ...(role === 'proxy' && podOf(name, 'proxy')),
  };
  const over = new AbortController();
  const ways = waysTo(
    ports,
    target,
    signal,
    watched(cluster, target, AbortSignal.any([signal, over.signal])),
  );
  const opening: Promise<Tunnel> = waits ? openEarly(ports, ways) : openSettled(ports, ways);
  const tunnel = await opening.catch(async (error: unknown) => {
    over.abort();
    throw await explained(ports, target, error, signal);
  });
  let closed = false;
  const exit = tunnel.exit
    .then((code) => (closed ? code : survived(ports, target, code, signal)))
    .catch(async (error: unknown) => {
      // What we have closed ourselves needs no reason.
      throw closed ? error : await explained(ports, target, error, signal);
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
  const target = targetOf(cluster, name, command);
  const watching = watched(cluster, target, AbortSignal.any([signal, over.signal]));
  const { death } = watching;
  try {
    return await openSettled(ports, {
      viaWebSocket: () => attachTerminal(cluster.connection, target, terminal, { signal, death }),
      viaKubectl: async () => {
        const { kubectlAttach } = await import('./exec/kubectl-attach.ts');
        return kubectlAttach(target, terminal, await kubectl(ports, signal, watching));
      },
    });
  } catch (error) {
    throw await explained(ports, target, error, signal);
  } finally {
    over.abort();
  }
}

function watched(cluster: Cluster, target: ExecTarget, over: AbortSignal): Watching {
  return { death: () => podDeath(cluster, target, over), over };
}
