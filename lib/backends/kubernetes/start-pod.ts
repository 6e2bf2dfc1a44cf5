import type { V1Pod } from '@kubernetes/client-node';
import { PassThrough, type Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { interrupted, isPaudeError, PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import type { StartOptions, StartPhase } from '../../session/backend.ts';
import { overtaken } from '../../session/start-backend.ts';
import { timeLimit } from '../../waiting.ts';
import { findSet, type Cluster } from './cluster.ts';
import { makeProxy } from './complete-objects.ts';
import { kubernetesError } from './kubernetes-errors.ts';
import { configurationOf, podOf, type Part } from './network-objects.ts';
import { objectName } from './objects.ts';
import { isRunning, podState, type PodState } from './pod-state.ts';
import { sessionOf } from './query.ts';
import { scaleDown, scaleProxy, scaleUp, undoTime } from './scale.ts';
import { startEvents, type StartEvent } from './start-events.ts';
import { stuckError } from './stuck-pod.ts';
import { persistent } from './uninterrupted.ts';
import { podsOf } from './watch-pods.ts';

/** A scheduler may change its mind when a node or a volume comes free; milliseconds. */
const secondThoughts = 5000;
/** A provisioner that failed tries again, and a slow storage fails before it succeeds; milliseconds. */
const provisioning = 30_000;

/** Without a pod nothing may tell that its StatefulSet is gone: how often it is looked at then; milliseconds. */
const absent = 10_000;

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
  if (signal.aborted) throw interrupted();
  // Before the scaling, whose time is limited and which no interrupt ends: somebody may have to log in for it.
  await cluster.connection.upgrade('/', {}, signal).catch((error: unknown) => {
    throw kubernetesError('scale it', cluster, error);
  });
  const { set, begun } = await scaleUp(cluster, name);
  const egress = alone ? undefined : sessionOf(cluster, set)?.egress;
  try {
    if (begun) yield { text: `waiting for the pod (${objectName(name)})`, begun };
    if (egress !== undefined) {
      const configuration = configurationOf(egress.rules, egress.upstream);
      // Somebody has removed it; without a way out the session would wait for one for ever.
      if (!(await scaleProxy(cluster, name, 1, signal, configuration))) await makeProxy(cluster, set, signal);
    }
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
  const news = merged(podNews(cluster, name, either), eventNews(cluster, name, either), looks(either));
  const patience = { node: new Patience(news), volume: new Patience(news) };
  const doing = new Map<Part, string>();
  let pods: readonly V1Pod[] | undefined;
  let shown = '';
  const there = (part: Part) => present(pods ?? [], podOf(name, part).pod);
  try {
    for await (const item of news as AsyncIterable<News>) {
      if ('look' in item) {
        if (there('session') === undefined) await assertStarted(cluster, name, signal);
        continue;
      }
      if ('event' in item) {
        const { event } = item;
        // With a pod there, what is said of its making is over.
        if (event.type === 'refused' && there(event.part) === undefined) throw event.error;
        if (event.type === 'volume' && !isPlaced(there('session'))) {
          if (event.final) throw event.error;
          patience.volume.begin(event.error, provisioning);
        }
        if (event.type === 'doing') doing.set(event.part, event.text);
        if (event.type !== 'doing' || pods === undefined) continue;
      } else {
        pods = item.pods;
        patience.node.end();
      }
      for (const part of ['proxy', 'session'] as const) {
        if (told.has(part) || (part === 'proxy' && !filtered)) continue;
        if (!isRunning(there(part), podOf(name, part).container)) continue;
        told.add(part);
        yield { text: `starting the session in its container (${objectName(name)})`, runs: part };
      }
      const { part, state } = stateOf(name, pods, filtered);
      const pod = there('session');
      if (isPlaced(pod)) patience.volume.end();
      if (pod?.metadata?.deletionTimestamp !== undefined || pod === undefined)
        await assertStarted(cluster, name, signal);
      if (state.type === 'ready') return;
      if (isAgain)
        yield { text: `the pod of ${name} is not there: evicted, its node drained, or still on its way` };
      isAgain = false;
      if (state.type === 'stuck') {
        const error = await stuckError(cluster, name, part, state, signal);
        if (state.kind !== 'unschedulable') throw error;
        patience.node.begin(error, secondThoughts);
      }
      const text = `${part === 'proxy' ? 'the proxy: ' : ''}${textOf(state, doing.get(part))}`;
      if (text !== shown) yield { text: `${text} (${objectName(name)})` };
      shown = text;
    }
    throw signal.aborted ? interrupted() : new PaudeError('BACKEND_FAILED', `the watch of ${name} has ended`);
  } finally {
    stopping.abort();
    for (const one of Object.values(patience)) one.end();
  }
}

/** Ends what is waited for with an error, after a time; the first one counts until it is over. Milliseconds. */
class Patience {
  readonly #news: Readable;
  #timer: NodeJS.Timeout | undefined;

  constructor(news: Readable) {
    this.#news = news;
  }

  begin(error: PaudeError, time: number): void {
    this.#timer ??= setTimeout(() => this.#news.destroy(error), time);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** What a pod waits for, in its own words and, where they say more, in its node's. */
function textOf(state: Exclude<PodState, { type: 'ready' }>, doing: string | undefined): string {
  if (state.type === 'stuck') return `waiting for a node: ${state.why}`;
  return doing !== undefined && atNode.has(state.text) ? doing : state.text;
}

/** What a pod's state says of while its node brings what it needs. */
const atNode: ReadonlySet<string> = new Set(['creating the container', 'mounting the volume']);

/** Whether a pod has found a node, and so its volume. */
function isPlaced(pod: V1Pod | undefined): boolean {
  return (
    pod?.status?.conditions?.some(({ type, status }) => type === 'PodScheduled' && status === 'True') === true
  );
}

/** What did not run before a start does not run after one that failed, and does not begin by itself some day. */
async function stoppedAgain(cluster: Cluster, name: SessionName, error: unknown): Promise<unknown> {
  const signal = timeLimit(undoTime);
  const down = await Promise.allSettled([
    persistent(() => scaleDown(cluster, name, signal)),
    persistent(() => scaleProxy(cluster, name, 0, signal)),
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
  // For how long the API server may be away is for the watch of the pods to say.
  const looked = await findSet(cluster, name, signal).then(
    (set) => ({ set }),
    () => undefined,
  );
  if (looked === undefined || looked.set?.spec?.replicas === 1) return;
  throw overtaken(name, looked.set === undefined ? 'removed' : 'stopped');
}

/** Of the session's pod; where that is ready, of its proxy's. What is stuck of either counts at once. */
function stateOf(
  name: SessionName,
  pods: readonly V1Pod[],
  filtered: boolean,
): { readonly part: Part; readonly state: PodState } {
  const of = (part: Part) => {
    const { pod, container } = podOf(name, part);
    return { part, state: podState(present(pods, pod), container) };
  };
  const own = of('session');
  if (!filtered || own.state.type === 'stuck') return own;
  const proxy = of('proxy');
  return proxy.state.type === 'stuck' || (own.state.type === 'ready' && proxy.state.type === 'waiting')
    ? proxy
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

async function* eventNews(cluster: Cluster, name: SessionName, signal: AbortSignal): AsyncGenerator<News> {
  for await (const event of startEvents(cluster, name, signal)) yield { event };
}

async function* looks(signal: AbortSignal): AsyncGenerator<News> {
  while (!signal.aborted) {
    await wait(absent, undefined, { signal }).catch(() => undefined);
    if (!signal.aborted) yield { look: true };
  }
}

type News = { readonly pods: readonly V1Pod[] } | { readonly event: StartEvent } | { readonly look: true };

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
