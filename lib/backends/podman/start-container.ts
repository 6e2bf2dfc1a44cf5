import { isPaudeError, PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import type { StartOptions, StartPhase } from '../../session/backend.ts';
import type { Session, SessionSpec } from '../../session/session.ts';
import { timeLimit } from '../../waiting.ts';
import { ensureContainer, ensureMemory, ensureNetwork, objectLabels } from './create-objects.ts';
import { limitsOf } from './limits.ts';
import { objectName, proxyName, specOf, type Labels } from './objects.ts';
import type { Podman } from './podman.ts';
import { findParts } from './query.ts';
import { addressesOf, startProxy, stopProxy, type ProxyPlace } from './proxy-container.ts';
import { podmanError } from './podman-errors.ts';

const pruned = /no such container|no container with|network/i;
/** What podman 4.3 says of a container whose start was killed: its runtime, or its network's addresses, know it already. */
const halfStarted = /already running container|ID already exists|failed to allocate/i;
/** An undo must not be interrupted by what made it necessary. Milliseconds. */
const undoTime = 30_000;

/**
 * Starts a session's container, and its proxy beside it, and waits until commands can run in it; makes again what was
 * pruned. What did not run before is stopped again when that fails.
 */
export async function* startContainer(
  podman: Podman,
  name: SessionName,
  signal: AbortSignal,
  { alone = false }: StartOptions = {},
): AsyncGenerator<StartPhase, Session> {
  yield { text: `starting the session ${name}` };
  const [{ session, states }, addresses] = await Promise.all([
    findParts(podman, name, signal),
    // Without its network, it is made again.
    alone ? undefined : addressesOf(podman, name, signal).catch(() => undefined),
  ]);
  if (session === undefined) throw podmanError('start it', name, `no such container ${objectName(name)}`);
  const runs = states.get(objectName(name)) === 'running';
  const attempt = (place: ProxyPlace) => {
    const proxy = async (where: ProxyPlace) => {
      if (!alone) await startProxy(podman, session, where, signal);
    };
    return startParts(
      podman,
      name,
      { runs, alone, proxy: proxy(place), proxyAgain: () => proxy({ state: place.state }) },
      signal,
    );
  };
  if (!runs) yield { text: `starting the session ${name}`, begun: true };
  try {
    try {
      yield* attempt({ addresses, state: states.get(proxyName(name)) });
    } catch (error) {
      if (!(isPaudeError(error, 'BACKEND_FAILED') && halfStarted.test(error.message))) throw error;
      await discard(podman, objectName(name), signal);
      yield* attempt({});
    }
  } catch (error) {
    if (!runs) await stopContainers(podman, name, timeLimit(undoTime)).catch(() => undefined);
    throw error;
  }
  return session;
}

/** All but the volumes goes, and is made again as if it had been pruned. The proxy goes with the network. */
async function discard(podman: Podman, object: string, signal: AbortSignal): Promise<void> {
  await podman.run(['rm', '--force', '--ignore', object], { signal });
  await podman.run(['network', 'rm', '--force', object], { signal });
}

interface Beside {
  readonly runs: boolean;
  readonly alone: boolean;
  readonly proxy: Promise<void>;
  readonly proxyAgain: () => Promise<void>;
}

async function* startParts(
  podman: Podman,
  name: SessionName,
  { runs, alone, proxy, proxyAgain }: Beside,
  signal: AbortSignal,
): AsyncGenerator<StartPhase> {
  const object = objectName(name);
  const start = () => podman.run(['start', object], { signal });
  // Waited for below; it must not count as unhandled until then.
  proxy.catch(() => undefined);
  const starting = runs ? Promise.resolve(undefined) : start();
  const proxyRuns: StartPhase = { text: `starting the session ${name}`, runs: 'proxy' };
  // Whichever is there first can be spoken to first; a proxy that fails is told of below.
  const first = await Promise.race([
    starting,
    proxy.then(
      () => proxyRuns,
      () => starting,
    ),
  ]);
  if (first === proxyRuns) yield proxyRuns;
  let [started, last] = [await starting, proxy];
  if (started !== undefined && started.exitCode !== 0 && pruned.test(started.stderr)) {
    const { all, spec } = await described(podman, name, signal);
    yield { text: `making again what was pruned of the session ${name}` };
    await proxy.catch(() => undefined);
    await repair(podman, spec, all, signal);
    await proxyAgain();
    [started, last] = [await start(), Promise.resolve()];
  }
  if (started !== undefined && started.exitCode !== 0) throw podmanError('start it', name, started.stderr);
  // The one command that looks at it waits itself.
  if (alone) return;
  const readiness = podman.run(['exec', object, 'paude-session', 'ready'], { signal });
  readiness.catch(() => undefined);
  yield { text: `starting the session ${name}`, runs: 'session' };
  await last;
  yield proxyRuns;
  const ready = await readiness;
  if (ready.exitCode !== 0) throw await whyNotReady(podman, name, ready.stderr, signal);
}

/** Ends a session's container and its proxy. Throws SESSION_UNKNOWN where there is no container. */
export async function stopContainers(podman: Podman, name: SessionName, signal: AbortSignal): Promise<void> {
  const [stopped] = await Promise.all([
    podman.run(['stop', objectName(name)], { signal }),
    stopProxy(podman, name, signal),
  ]);
  if (stopped.exitCode !== 0) throw podmanError('stop it', name, stopped.stderr);
}

/** What the volume's labels say of the session. Throws SESSION_UNKNOWN. */
async function described(
  podman: Podman,
  name: SessionName,
  signal: AbortSignal,
): Promise<{ readonly all: Labels; readonly spec: SessionSpec }> {
  const object = objectName(name);
  const all = await objectLabels(podman, 'volume', object, signal);
  const spec = all === undefined ? undefined : specOf(all);
  if (all === undefined || spec === undefined)
    throw podmanError('start it', name, `no such container ${object}`);
  return { all, spec };
}

async function repair(podman: Podman, spec: SessionSpec, all: Labels, signal: AbortSignal): Promise<void> {
  // What the user was told of limits when it was made need not be told again.
  const limits = await limitsOf(podman, spec, () => undefined, signal);
  await ensureMemory(podman, spec.name, all, signal);
  const object = objectName(spec.name);
  const wasThere = (await podman.run(['container', 'exists', object], { signal })).exitCode === 0;
  // A network that is made anew may have other addresses than a container of before knows. One that somebody has made
  // and started meanwhile is left alone.
  if ((await ensureNetwork(podman, spec, all, signal)) && wasThere)
    await podman.run(['rm', '--ignore', object], { signal });
  await ensureContainer(podman, spec, all, limits, signal);
}

async function whyNotReady(
  podman: Podman,
  name: SessionName,
  said: string,
  signal: AbortSignal,
): Promise<PaudeError> {
  const logs = await podman.run(['logs', '--tail', '5', objectName(name)], { signal });
  const last = `${logs.stdout}\n${logs.stderr}`.trim() || said.trim();
  return new PaudeError('SESSION_FAILED', `the session ${name} started and did not become ready: ${last}`, {
    hint: `podman logs ${objectName(name)}`,
  });
}
