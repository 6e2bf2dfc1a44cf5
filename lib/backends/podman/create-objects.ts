import { messageOf, PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import type { Session, SessionSpec } from '../../session/session.ts';
import {
  containerArguments,
  credentialsArguments,
  credentialsName,
  labelArguments,
  labels,
  labelsOf,
  manager,
  objectName,
  sessionOf,
  type Labels,
  type Limits,
} from './objects.ts';
import { timeLimit } from '../../waiting.ts';
import { limitsOf } from './limits.ts';
import type { Podman } from './podman.ts';
import { podmanError } from './podman-errors.ts';
import { addressesOf } from './proxy-container.ts';
import { findSession } from './query.ts';

/** Undoing must not be interrupted by what made it necessary. Milliseconds. */
const undoTime = 30_000;

/**
 * Makes a session's volume, network and container. The volume comes first: of two creators, the one that makes
 * it makes the session, and the other one gets that.
 */
export async function createObjects(
  podman: Podman,
  spec: SessionSpec,
  owner: string,
  notice: (text: string) => void,
  signal: AbortSignal,
): Promise<Session> {
  const all = labelsOf(spec, owner, new Date());
  const object = objectName(spec.name);
  const limits = await limitsOf(podman, spec, notice, signal);
  // Not ended by an interrupt: whether it was made must be known, to be undone.
  const volume = await podman.run(['volume', 'create', ...labelArguments(all), object], {
    signal: timeLimit(undoTime),
  });
  if (volume.exitCode !== 0 && !/already exists/.test(volume.stderr)) {
    throw podmanError('create its volume', spec.name, volume.stderr);
  }
  if (volume.exitCode !== 0) return existing(podman, spec, signal);
  try {
    const [, isNew] = await Promise.all([
      ensureMemory(podman, spec.name, all, signal),
      ensureNetwork(podman, spec, all, signal),
    ]);
    if (!isNew) await refuseStranger(podman, 'network', object, signal);
    if (!(await ensureContainer(podman, spec, all, limits, signal)))
      await refuseStranger(podman, 'container', object, signal);
  } catch (error) {
    const left = await undo(podman, spec.name);
    if (left.length > 0) notice(`not everything could be undone: ${left.join('; ')}`);
    throw error;
  }
  return sessionOf(all, undefined, 'created')!;
}

async function existing(podman: Podman, spec: SessionSpec, signal: AbortSignal): Promise<Session> {
  const session = await findSession(podman, spec.name, signal);
  if (session !== undefined) return session;
  throw notOurs('volume', objectName(spec.name));
}

/** An object of our name that is not ours is never adopted. What is there already is looked at. */
async function refuseStranger(
  podman: Podman,
  kind: 'container' | 'network',
  object: string,
  signal: AbortSignal,
): Promise<void> {
  const found = await objectLabels(podman, kind, object, signal);
  if (found !== undefined && found[labels.managedBy] !== manager) throw notOurs(kind, object);
}

/** Takes back what was made, which an interrupt may have come in the way of telling; what could not be. */
async function undo(podman: Podman, name: SessionName): Promise<readonly string[]> {
  const object = objectName(name);
  const left: string[] = [];
  for (const [kind, one, ...remove] of [
    ['container', object, 'rm', '--force', '--ignore'],
    ['network', object, 'network', 'rm', '--force'],
    ['volume', credentialsName(name), 'volume', 'rm', '--force'],
    ['volume', object, 'volume', 'rm', '--force'],
  ] as const) {
    const signal = timeLimit(undoTime);
    try {
      // Never a stranger's of that name.
      if ((await objectLabels(podman, kind, one, signal))?.[labels.managedBy] !== manager) continue;
      const undone = await podman.run([...remove, one], { signal });
      if (undone.exitCode !== 0 && !isMissing(undone.stderr)) left.push(undone.stderr);
    } catch (error) {
      left.push(messageOf(error));
    }
  }
  return left;
}

/** The labels of an object, undefined where there is none of this name. */
export async function objectLabels(
  podman: Podman,
  kind: 'container' | 'volume' | 'network',
  object: string,
  signal: AbortSignal,
): Promise<Labels | undefined> {
  const found = await podman.run([kind, 'inspect', object], { signal });
  if (found.exitCode !== 0) {
    if (isMissing(found.stderr)) return undefined;
    throw podmanError(`look at the ${kind} ${object}`, object, found.stderr);
  }
  const [inspected] = JSON.parse(found.stdout) as {
    labels?: Labels;
    Labels?: Labels;
    Config?: { Labels?: Labels };
  }[];
  return inspected?.Config?.Labels ?? inspected?.Labels ?? inspected?.labels ?? {};
}

function isMissing(said: string): boolean {
  return /no such|not found/i.test(said);
}

export function notOurs(kind: string, object: string): PaudeError {
  return new PaudeError(
    'NOT_OURS',
    `there is a ${kind} ${object} that git-paude did not make; it is left alone`,
    {
      hint: `choose another name, or look at it: podman ${kind} inspect ${object}`,
    },
  );
}

/** The volume in memory that the session's credentials land in. */
export async function ensureMemory(
  podman: Podman,
  name: SessionName,
  all: Labels,
  signal: AbortSignal,
): Promise<void> {
  const made = await podman.run(credentialsArguments(name, all), { signal });
  if (made.exitCode === 0 || /already exists/.test(made.stderr)) return;
  throw podmanError('create the memory for its credentials', name, made.stderr);
}

/** A session's network; true if it was made. Podman's name server answers for all the world on an internal one, too. */
export async function ensureNetwork(
  podman: Podman,
  spec: SessionSpec,
  all: Labels,
  signal: AbortSignal,
): Promise<boolean> {
  const object = objectName(spec.name);
  const closed = spec.egress === undefined ? [] : ['--internal', '--disable-dns'];
  const made = await podman.run(['network', 'create', ...closed, ...labelArguments(all), object], { signal });
  if (made.exitCode === 0) return true;
  if (/already (exists|used)/.test(made.stderr)) return false;
  throw podmanError('create its network', object, made.stderr);
}

/** A session's container; true if it was made. */
export async function ensureContainer(
  podman: Podman,
  spec: SessionSpec,
  all: Labels,
  limits: Limits,
  signal: AbortSignal,
): Promise<boolean> {
  const addresses = spec.egress === undefined ? undefined : await addressesOf(podman, spec.name, signal);
  const made = await podman.run(containerArguments(spec, all, limits, addresses), { signal });
  if (made.exitCode === 0) return true;
  if (/already in use/.test(made.stderr)) return false;
  throw podmanError('create its container', spec.name, made.stderr);
}
