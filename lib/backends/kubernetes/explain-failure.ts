import { setTimeout as wait } from 'node:timers/promises';
import type { V1Pod } from '@kubernetes/client-node';
import { interrupted, isPaudeError, PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import { lost } from '../../session/lost.ts';
import { timeLimit } from '../../waiting.ts';
import { ApiStatus } from './api-connection.ts';
import { findSet, paths } from './cluster.ts';
import { assertOurs } from './strangers.ts';
import { NoWebSocket, type ExecTarget } from './exec/open-exec.ts';
import { kubernetesError } from './kubernetes-errors.ts';
import { container } from './objects.ts';
import { podState } from './pod-state.ts';
import { unknown } from './scale.ts';
import { openSettled, waysTo, type RunPorts } from './transport.ts';
import { silentFor } from './uninterrupted.ts';

/**
 * How long a node and the API server may disagree about a pod, and between two looks; milliseconds. A container that
 * has ended just now is still called ready, and a kubelet that was just started knows no pods yet.
 */
const unsettled = 20_000;
const pause = 500;
/**
 * How long each answer may take where the connection is lost: most of a minute may have gone into finding that out, and
 * who has taken the connection away does not answer either. Milliseconds.
 */
export const unanswered = 6000;

/** How long the asking may take, and each answer of a connection that was lost; milliseconds. */
interface Limits {
  readonly time?: number;
  readonly patience?: number;
}

/**
 * The kubelet's and containerd's words where they lack what the API server has, and the API server's where it can't ask
 * the kubelet.
 */
const disagreement = /container not found|task \w+ not found|pod does not exist|error dialing backend/;

/** What the session is doing tells why a command could not run, or why its connection broke. The signal ends the asking. */
export async function explained(
  ports: RunPorts,
  target: ExecTarget,
  error: unknown,
  interrupt: AbortSignal,
  { time = 30_000, patience = unanswered }: Limits = {},
): Promise<PaudeError> {
  const { cluster } = ports;
  const name = target.session;
  const broken = isPaudeError(error, 'CONNECTION_LOST');
  if (!broken && !(error instanceof ApiStatus && error.code !== 401 && error.code !== 403)) {
    return error instanceof NoWebSocket
      ? new PaudeError('BACKEND_FAILED', `no command can run in ${name}: ${error.message}`, { cause: error })
      : kubernetesError(`run a command in ${name}`, cluster, error);
  }
  const signal = timeLimit(time, interrupt);
  const soon = () => timeLimit(broken ? patience : time, signal);
  try {
    const set = await findSet(cluster, name, soon());
    if (set === undefined) return unknown(name);
    assertOurs(cluster, set);
    if (set.spec?.replicas !== 1) return broken ? died(target, error) : stopped(name, 'is stopped');
    const path = `${paths.pods(cluster.namespace)}/${target.pod}`;
    for (const end = Date.now() + unsettled; ; await wait(pause, undefined, { signal })) {
      const state = podState(await cluster.find<V1Pod>('look at its pod', path, soon()), target.container);
      if (state.type !== 'ready') {
        // Its pod was evicted, its node drained, or its container killed: a start waits for the new one.
        const doing = state.type === 'stuck' ? state.why : state.text;
        return broken ? died(target, error) : stopped(name, `does not run: ${doing}`);
      }
      // A connection that broke may have lost its container, of whose end the API server has not heard yet.
      if (!(broken || isDisagreement(error)) || Date.now() > end)
        return kubernetesError(`run a command in ${name}`, cluster, error);
      if (await answers(ports, target, signal))
        return broken ? error : lost(name, 'its node was away for a moment', error);
    }
  } catch (second) {
    if (interrupt.aborted) return interrupted();
    // The API server can't be asked: then that is why.
    const why = signal.aborted ? silentFor(time) : second;
    return broken ? error : kubernetesError(`run a command in ${name}`, cluster, why);
  }
}

/** The exit code of a command that got KILL: by hand, for want of memory, or with its whole container. */
const killed = 137;

/** The exit code of a command; where that went with its container, throws what became of the session. */
export async function survived(
  ports: RunPorts,
  target: ExecTarget,
  code: number,
  signal: AbortSignal,
): Promise<number> {
  if (code !== killed) return code;
  const why = await explained(ports, target, lost(target.session, 'it was killed'), signal);
  if (isPaudeError(why, 'SESSION_DIED') || isPaudeError(why, 'SESSION_UNKNOWN')) throw why;
  return code;
}

/** Whether a command can run: the container's node is the only one that knows. */
async function answers(ports: RunPorts, target: ExecTarget, signal: AbortSignal): Promise<boolean> {
  const noDeath = () => new Promise<never>(() => undefined);
  const over = new AbortController();
  try {
    const watching = { death: noDeath, over: AbortSignal.any([signal, over.signal]) };
    const ways = waysTo(ports, { ...target, command: ['true'] }, signal, watching);
    await using tunnel = await openSettled(ports, ways);
    tunnel.stdin.end();
    tunnel.stdout.resume();
    tunnel.stderr.resume();
    return (await tunnel.exit.catch(() => 1)) === 0;
  } catch (error) {
    if (!isDisagreement(error)) throw error;
    return false;
  } finally {
    over.abort();
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

function died({ session: name, container: part }: ExecTarget, cause: unknown): PaudeError {
  const what = part === container ? `the session ${name}` : `the container ${part} of the session ${name}`;
  return new PaudeError('SESSION_DIED', `${what} ended while a command ran in it`, {
    hint: `git paude start ${name}`,
    cause,
  });
}
