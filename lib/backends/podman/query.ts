import { PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import type { Session } from '../../session/session.ts';
import { timeLimit } from '../../waiting.ts';
import { rulesBySession, type VolumeRow } from './change-rules.ts';
import { labels, manager, objectName, sessionOf, type Labels } from './objects.ts';
import type { Podman } from './podman.ts';
import { rows } from './rows.ts';

/** What `podman ps --format json` says of a container; times are unix seconds, a negative one is never. */
interface ContainerRow {
  readonly Names: readonly string[];
  readonly State: string;
  readonly ExitCode: number;
  readonly StartedAt: number;
  readonly Labels: Labels | null;
}

const ours = `label=${labels.managedBy}=${manager}`;

/** What is found by a filter: sessions, and the state of each container, as podman calls it. */
interface Found {
  readonly sessions: readonly Session[];
  readonly states: ReadonlyMap<string, string>;
}

/** Two queries at once, of containers and of volumes, however many there are. */
async function query(podman: Podman, filter: string, signal: AbortSignal): Promise<Found> {
  const list = <Row>(...args: string[]) =>
    rows<Row>(podman, [...args, '--filter', filter], 'list the sessions', '', signal);
  const [containers, volumes] = await Promise.all([
    list<ContainerRow>('ps', '--all'),
    list<VolumeRow>('volume', 'ls'),
  ]);
  const byName = new Map(containers.flatMap((row) => row.Names.map((name) => [name, row] as const)));
  const rules = rulesBySession(volumes);
  const sessions = volumes.flatMap((volume) => {
    const own = volume.Labels ?? {};
    const session = sessionOf(
      own,
      rules.get(own[labels.session] ?? '')?.rules,
      ...stateOf(byName.get(volume.Name)),
    );
    return session === undefined || objectName(session.location.name) !== volume.Name ? [] : [session];
  });
  return { sessions, states: new Map([...byName].map(([name, { State }]) => [name, State])) };
}

function stateOf(row: ContainerRow | undefined): [Session['state'], string?] {
  // A container that was pruned is made again by the next start.
  if (row === undefined) return ['stopped', 'its container was removed, and is made again by the next start'];
  if (row.State === 'running') return ['running'];
  if (row.State === 'created' || row.State === 'configured')
    return [row.StartedAt > 0 ? 'stopped' : 'created'];
  // 143 and 137: ended by stop, in time or not.
  if (row.State === 'exited' && ![0, 137, 143].includes(row.ExitCode)) {
    return ['failed', `it ended by itself with exit code ${row.ExitCode}`];
  }
  return ['stopped'];
}

export async function findSessions(podman: Podman, signal: AbortSignal): Promise<readonly Session[]> {
  return (await query(podman, ours, signal)).sessions;
}

export async function findSession(
  podman: Podman,
  name: SessionName,
  signal: AbortSignal,
): Promise<Session | undefined> {
  return (await findParts(podman, name, signal)).session;
}

/** A session, and the state of each container that is there: running, created, exited, …. */
export interface Parts {
  readonly session: Session | undefined;
  readonly states: ReadonlyMap<string, string>;
}

const asking = new WeakMap<AbortSignal, Map<SessionName, Promise<Parts>>>();

/** Of one command that asks twice at the same moment, podman is asked once. */
export function findParts(podman: Podman, name: SessionName, signal: AbortSignal): Promise<Parts> {
  const now = asking.get(signal) ?? new Map<SessionName, Promise<Parts>>();
  asking.set(signal, now);
  const asked =
    now.get(name) ??
    query(podman, `label=${labels.session}=${name}`, signal)
      .then(({ sessions: [session], states }) => ({ session, states }))
      .finally(() => now.delete(name));
  now.set(name, asked);
  return asked;
}

/** Whether a container runs, as podman sees it now. Throws BACKEND_UNREACHABLE where it says nothing. */
export async function isRunning(podman: Podman, object: string): Promise<boolean> {
  const signal = timeLimit(10_000);
  const args = ['container', 'inspect', '--format', '{{.State.Running}}', object];
  const found = await podman.run(args, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
    throw new PaudeError('BACKEND_UNREACHABLE', `podman does not answer about the container ${object}`, {
      hint: 'podman ps',
      cause: error,
    });
  });
  return found.exitCode === 0 && found.stdout.trim() === 'true';
}
