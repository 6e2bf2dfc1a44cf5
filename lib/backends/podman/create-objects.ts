import { PaudeError } from '../../errors.ts';
import type { Session, SessionSpec } from '../../session/session.ts';
import {
  containerArguments,
  labelArguments,
  labels,
  labelsOf,
  manager,
  objectName,
  type Labels,
  type Limits,
} from './objects.ts';
import type { Podman } from './podman.ts';
import { podmanError } from './podman-errors.ts';
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
  const limits = await limitsOf(podman, spec, notice, signal);
  const all = labelsOf(spec, owner, new Date());
  const object = objectName(spec.name);
  await refuseStrangers(podman, object, signal);
  const volume = await podman.run(['volume', 'create', ...labelArguments(all), object], { signal });
  if (volume.exitCode !== 0 && !/already exists/.test(volume.stderr)) {
    throw podmanError('create its volume', spec.name, volume.stderr);
  }
  if (volume.exitCode !== 0) return existing(podman, spec, signal);
  const undo: (readonly string[])[] = [['volume', 'rm', '--force', object]];
  try {
    await ensureNetwork(podman, object, all, signal);
    undo.unshift(['network', 'rm', '--force', object]);
    undo.unshift(['rm', '--force', '--ignore', object]);
    await ensureContainer(podman, spec, all, limits, signal);
  } catch (error) {
    const left: string[] = [];
    for (const args of undo) {
      const undone = await podman.run(args, { signal: AbortSignal.timeout(undoTime) });
      if (undone.exitCode !== 0) left.push(undone.stderr);
    }
    if (left.length > 0) notice(`not everything could be undone: ${left.join('; ')}`);
    throw error;
  }
  return (await findSession(podman, spec.name, signal)) ?? existing(podman, spec, signal);
}

async function existing(podman: Podman, spec: SessionSpec, signal: AbortSignal): Promise<Session> {
  const session = await findSession(podman, spec.name, signal);
  if (session !== undefined) return session;
  throw notOurs('volume', objectName(spec.name));
}

/** An object of our name that is not ours is never adopted. */
async function refuseStrangers(podman: Podman, object: string, signal: AbortSignal): Promise<void> {
  const kinds = ['container', 'volume', 'network'] as const;
  await Promise.all(
    kinds.map(async (kind) => {
      const found = await objectLabels(podman, kind, object, signal);
      if (found !== undefined && found[labels.managedBy] !== manager) throw notOurs(kind, object);
    }),
  );
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
    if (/no such|not found/i.test(found.stderr)) return undefined;
    throw podmanError(`look at the ${kind} ${object}`, object, found.stderr);
  }
  const [inspected] = JSON.parse(found.stdout) as {
    labels?: Labels;
    Labels?: Labels;
    Config?: { Labels?: Labels };
  }[];
  return inspected?.Config?.Labels ?? inspected?.Labels ?? inspected?.labels ?? {};
}

function notOurs(kind: string, object: string): PaudeError {
  return new PaudeError(
    'NOT_OURS',
    `there is a ${kind} ${object} that git-paude did not make; it is left alone`,
    {
      hint: `choose another name, or look at it: podman ${kind} inspect ${object}`,
    },
  );
}

export async function ensureNetwork(
  podman: Podman,
  object: string,
  all: Labels,
  signal: AbortSignal,
): Promise<void> {
  const made = await podman.run(['network', 'create', ...labelArguments(all), object], { signal });
  if (made.exitCode === 0 || /already (exists|used)/.test(made.stderr)) return;
  throw podmanError('create its network', object, made.stderr);
}

export async function ensureContainer(
  podman: Podman,
  spec: SessionSpec,
  all: Labels,
  limits: Limits,
  signal: AbortSignal,
): Promise<void> {
  const made = await podman.run(containerArguments(spec, all, limits), { signal });
  if (made.exitCode === 0 || /already in use/.test(made.stderr)) return;
  throw podmanError('create its container', spec.name, made.stderr);
}

/** Whether Podman can limit memory and processes here; rootless on cgroup v1 it can't (podman-run(1)). */
export async function limitsOf(
  podman: Podman,
  spec: SessionSpec,
  notice: (text: string) => void,
  signal: AbortSignal,
): Promise<Limits> {
  const format = '{{.Host.Security.Rootless}} {{.Host.CgroupsVersion}}';
  const found = await podman.run(['info', '--format', format], { signal });
  if (found.exitCode !== 0) throw podmanError('describe itself', spec.name, found.stderr);
  if (found.stdout.trim() !== 'true v1') return { supported: true };
  const { memory, cpus, pids } = spec.description;
  const named = Object.entries({ memory, cpus, pids }).flatMap(([key, value]) =>
    value === undefined ? [] : [`--${key}`],
  );
  if (named.length > 0) {
    throw new PaudeError(
      'LIMITS_UNSUPPORTED',
      `rootless Podman on cgroup v1 can't limit: ${named.join(', ')}`,
      {
        hint: `leave out ${named.join(', ')}, or change the machine to cgroup v2`,
      },
    );
  }
  notice('the session has no limits on memory and processes: rootless Podman on cgroup v1 has none');
  return { supported: false };
}
