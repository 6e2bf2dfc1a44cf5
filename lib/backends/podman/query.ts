import type { SessionName } from '../../names.ts';
import type { Session } from '../../session/session.ts';
import { labels, manager, objectName, sessionOf, type Labels } from './objects.ts';
import type { Podman } from './podman.ts';
import { podmanError } from './podman-errors.ts';

/** What `podman ps --format json` says of a container; times are unix seconds, a negative one is never. */
interface ContainerRow {
  readonly Names: readonly string[];
  readonly State: string;
  readonly ExitCode: number;
  readonly StartedAt: number;
  readonly Labels: Labels | null;
}

interface VolumeRow {
  readonly Name: string;
  readonly Labels: Labels | null;
}

const ours = `label=${labels.managedBy}=${manager}`;

async function rows<Row>(
  podman: Podman,
  args: readonly string[],
  signal: AbortSignal,
): Promise<readonly Row[]> {
  const found = await podman.run(args, { signal });
  if (found.exitCode !== 0) throw podmanError('list the sessions', '', found.stderr);
  return (JSON.parse(found.stdout || '[]') as Row[] | null) ?? [];
}

/** The sessions of a filter: two queries at once, of containers and of volumes, however many there are. */
async function query(podman: Podman, filter: string, signal: AbortSignal): Promise<readonly Session[]> {
  const [containers, volumes] = await Promise.all([
    rows<ContainerRow>(podman, ['ps', '--all', '--filter', filter, '--format', 'json'], signal),
    rows<VolumeRow>(podman, ['volume', 'ls', '--filter', filter, '--format', 'json'], signal),
  ]);
  const byName = new Map(containers.flatMap((row) => row.Names.map((name) => [name, row] as const)));
  return volumes.flatMap((volume) => {
    const session = sessionOf(volume.Labels ?? {}, ...stateOf(byName.get(volume.Name)));
    return session === undefined || objectName(session.location.name) !== volume.Name ? [] : [session];
  });
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

export function findSessions(podman: Podman, signal: AbortSignal): Promise<readonly Session[]> {
  return query(podman, ours, signal);
}

export async function findSession(
  podman: Podman,
  name: SessionName,
  signal: AbortSignal,
): Promise<Session | undefined> {
  return (await query(podman, `label=${labels.session}=${name}`, signal))[0];
}

/** Whether a session's container runs, as podman sees it now. */
export async function isRunning(podman: Podman, name: SessionName): Promise<boolean> {
  const signal = AbortSignal.timeout(10_000);
  const found = await podman.run(
    ['container', 'inspect', '--format', '{{.State.Running}}', objectName(name)],
    { signal },
  );
  return found.exitCode === 0 && found.stdout.trim() === 'true';
}
