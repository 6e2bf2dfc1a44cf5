import type { CoreV1Event, V1Pod } from '@kubernetes/client-node';
import { PassThrough, type Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { interrupted, isPaudeError, PaudeError, type ErrorCode } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import type { StartOptions, StartPhase } from '../../session/backend.ts';
import { ApiStatus } from './api-connection.ts';
import { findSet, paths, type Cluster } from './cluster.ts';
import { kubernetesError } from './kubernetes-errors.ts';
import { configurationOf, proxyPodName } from './network-objects.ts';
import { container, objectName, podName } from './objects.ts';
import { isRunning, podState, type PodState } from './pod-state.ts';
import { sessionOf } from './query.ts';
import { scaleDown, scaleProxy, scaleUp } from './scale.ts';
import { describeHint, stuckError } from './stuck-pod.ts';
import { podsOf } from './watch-pods.ts';

/** A scheduler may change its mind when a node or a volume comes free; milliseconds. */
const secondThoughts = 5000;

/** How long an undo may take, which must not be interrupted by what made it necessary; milliseconds. */
const undoTime = 8000;

/** Between two tries to reach an API server that is away; milliseconds. */
const pause = 500;

/**
 * Scales a session to one replica and ends when commands can run in its pod: found out by watching, and never
 * satisfied by the old pod. What can't get better ends it with the cluster's own words, and what this start has
 * scaled is scaled to nothing again.
 */
export async function* startPod(
  cluster: Cluster,
  name: SessionName,
  signal: AbortSignal,
  { alone = false }: StartOptions = {},
): AsyncGenerator<StartPhase> {
  const { set, begun } = await scaleUp(cluster, name, signal);
  const egress = alone ? undefined : sessionOf(cluster, set)?.egress;
  try {
    if (egress !== undefined)
      await scaleProxy(cluster, name, 1, signal, configurationOf(egress.rules, egress.upstream));
    yield* watchStart(cluster, name, { begun, filtered: egress !== undefined }, signal);
  } catch (error) {
    if (!begun) throw error;
    throw await stoppedAgain(cluster, name, error);
  }
}

async function* watchStart(
  cluster: Cluster,
  name: SessionName,
  { begun, filtered }: { readonly begun: boolean; readonly filtered: boolean },
  signal: AbortSignal,
): AsyncGenerator<StartPhase> {
  const stopping = new AbortController();
  const either = AbortSignal.any([signal, stopping.signal]);
  // Scaling it has changed nothing, for it was to run before.
  let isAgain = !begun;
  const told = new Set<string>();
  try {
    const news = merged(podNews(cluster, name, either), warningsOf(cluster, name, either));
    let shown = '';
    let timer: NodeJS.Timeout | undefined;
    for await (const item of news as AsyncIterable<News>) {
      if ('warning' in item) {
        // With a pod there, what is said of its making is over.
        if (shown === '' || shown === 'waiting for the pod') throw item.warning;
        continue;
      }
      for (const part of ['proxy', 'session'] as const) {
        if (told.has(part) || (part === 'proxy' && !filtered)) continue;
        const [pod, named] = part === 'proxy' ? [proxyPodName(name), part] : [podName(name), container];
        if (!isRunning(present(item.pods, pod), named)) continue;
        told.add(part);
        yield { text: `starting the session in its container (${objectName(name)})`, runs: part };
      }
      const state = stateOf(name, item.pods, filtered);
      clearTimeout(timer);
      const pod = present(item.pods, podName(name));
      if (pod?.metadata?.deletionTimestamp !== undefined || pod === undefined)
        await assertStarted(cluster, name, signal);
      if (state.type === 'ready') return;
      if (isAgain)
        yield { text: `the pod of ${name} is not there: evicted, its node drained, or still on its way` };
      isAgain = false;
      if (state.type === 'stuck' && state.kind !== 'unschedulable')
        throw await stuckError(cluster, name, state, signal);
      if (state.type === 'stuck') {
        const error = await stuckError(cluster, name, state, signal);
        timer = setTimeout(() => news.destroy(error), secondThoughts);
      }
      const text = state.type === 'waiting' ? state.text : `waiting for a node: ${state.why}`;
      if (text !== shown) yield { text: text.startsWith('pulling') ? text : `${text} (${objectName(name)})` };
      shown = text;
    }
    throw signal.aborted ? interrupted() : new PaudeError('BACKEND_FAILED', `the watch of ${name} has ended`);
  } finally {
    stopping.abort();
  }
}

/** What did not run before a start does not run after one that failed, and does not begin by itself some day. */
async function stoppedAgain(cluster: Cluster, name: SessionName, error: unknown): Promise<unknown> {
  const signal = AbortSignal.timeout(undoTime);
  const down = await Promise.allSettled([
    scaleDown(cluster, name, signal),
    scaleProxy(cluster, name, 0, signal),
  ]);
  const isDown = down.every(({ status }) => status === 'fulfilled');
  if (!isPaudeError(error) || isPaudeError(error, 'INTERRUPTED') || !isDown) return error;
  const { code, message, hint, cause } = error;
  return new PaudeError(code, `${message}\nit is stopped again`, {
    ...(hint !== undefined && { hint }),
    cause,
  });
}

/** Without a pod it may have been stopped again, from elsewhere; then none will come. */
async function assertStarted(cluster: Cluster, name: SessionName, signal: AbortSignal): Promise<void> {
  const set = await findSet(cluster, name, signal);
  if (set?.spec?.replicas === 1) return;
  const how = set === undefined ? 'removed' : 'stopped';
  throw new PaudeError('SESSION_FAILED', `the session ${name} was ${how} while it was started`, {
    hint: `git paude start ${name}`,
  });
}

/** Of the session's pod; where that is ready, of its proxy's. What is stuck of either counts at once. */
function stateOf(name: SessionName, pods: readonly V1Pod[], filtered: boolean): PodState {
  const own = podState(present(pods, podName(name)));
  if (!filtered || own.type === 'stuck') return own;
  const proxy = podState(present(pods, proxyPodName(name)), 'proxy');
  if (proxy.type === 'stuck') return { ...proxy, why: `the proxy: ${proxy.why}` };
  return own.type === 'ready' && proxy.type === 'waiting'
    ? { type: 'waiting', text: `the proxy: ${proxy.text}` }
    : own;
}

/** The pod that counts: one that is not going, else the old one. */
function present(all: readonly V1Pod[], name: string): V1Pod | undefined {
  const pods = all.filter(({ metadata }) => metadata?.name === name);
  return pods.find((pod) => pod.metadata?.deletionTimestamp === undefined) ?? pods[0];
}

async function* podNews(cluster: Cluster, name: SessionName, signal: AbortSignal): AsyncGenerator<News> {
  for await (const pods of podsOf(cluster, name, signal)) yield { pods };
}

/** What the controllers complain of from now on: quota, admission, a volume that can't be provisioned. */
async function* warningsOf(cluster: Cluster, name: SessionName, signal: AbortSignal): AsyncGenerator<News> {
  const path = paths.events(cluster.namespace);
  const query = { fieldSelector: `involvedObject.name=${objectName(name)},type=Warning` };
  let from: string | undefined;
  while (!signal.aborted) {
    try {
      from ??= await presentVersion(cluster, path, query, signal);
      const since = { ...query, resourceVersion: from };
      for await (const { object } of cluster.connection.watch<CoreV1Event>(path, since, signal)) {
        from = object.metadata.resourceVersion ?? from;
        const code = warningCode(object);
        if (code === undefined) continue;
        const message = `the session ${name} can't start: ${object.message ?? object.reason ?? ''}`;
        yield { warning: new PaudeError(code, message, { hint: describeHint(cluster, name) }) };
      }
    } catch (cause) {
      const error = kubernetesError('watch its events', cluster, cause);
      // Who may not see events hears of all but these.
      if (signal.aborted || isPaudeError(error, 'FORBIDDEN')) return;
      if (cause instanceof ApiStatus && cause.code === 410) from = undefined;
      // For how long it may be away is for the watch of the pods to say.
      else if (!isPaudeError(error, 'BACKEND_UNREACHABLE')) throw error;
      await wait(pause, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function presentVersion(
  cluster: Cluster,
  path: string,
  query: { readonly fieldSelector: string },
  signal: AbortSignal,
): Promise<string> {
  const options = { query: { ...query, limit: '1' }, signal };
  const { metadata } = await cluster.ask<{ metadata: { resourceVersion: string } }>(
    'look at its events',
    'GET',
    path,
    options,
  );
  return metadata.resourceVersion;
}

function warningCode({ reason, message = '' }: CoreV1Event): ErrorCode | undefined {
  if (reason === 'ProvisioningFailed') return 'POD_PENDING';
  if (reason !== 'FailedCreate') return undefined;
  return /exceeded quota/.test(message) ? 'QUOTA_EXCEEDED' : 'ADMISSION_REFUSED';
}

type News = { readonly pods: readonly V1Pod[] } | { readonly warning: PaudeError };

/** Several streams as one, each item as it comes; the first that fails ends it. Destroying it with an error does, too. */
function merged(...sources: readonly AsyncIterable<News>[]): Readable {
  const all = new PassThrough({ objectMode: true });
  for (const source of sources) void forward(source, all);
  return all;
}

async function forward(source: AsyncIterable<News>, target: PassThrough): Promise<void> {
  try {
    for await (const item of source) if (!target.destroyed) target.write(item);
  } catch (error) {
    target.destroy(error as Error);
  }
}
