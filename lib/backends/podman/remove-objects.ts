import { PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import type { Leftovers } from '../../session/backend.ts';
import { labels, manager, type Labels } from './objects.ts';
import type { Podman } from './podman.ts';
import { rows } from './rows.ts';

/** Each kind's way to list and to remove; the container goes first, for it uses the others. */
const kinds = [
  { kind: 'container', list: ['ps', '--all'], remove: ['rm', '--force', '--time', '10'] },
  { kind: 'network', list: ['network', 'ls'], remove: ['network', 'rm', '--force'] },
  { kind: 'volume', list: ['volume', 'ls'], remove: ['volume', 'rm', '--force'] },
] as const;

/** A row of any of these lists, as podman 4.3 writes them. */
interface Row {
  readonly Names?: readonly string[];
  readonly Name?: string;
  readonly name?: string;
  readonly Labels?: Labels | null;
  readonly labels?: Labels | null;
}

/** Removes everything that carries the session's label and ours. Throws NOT_REMOVED with what is left. */
export async function removeObjects(podman: Podman, name: SessionName, signal: AbortSignal): Promise<void> {
  const found = await findObjects(podman, name, signal);
  const left: string[] = [];
  const removeAll = async (index: number) => {
    const { kind, remove } = kinds[index]!;
    await Promise.all(
      found[index]!.map(async ({ object }) => {
        const removed = await podman.run([...remove, object], { signal });
        const gone = removed.exitCode === 0 || /no such|not found/i.test(removed.stderr);
        if (!gone) left.push(`${kind} ${object} (${removed.stderr.trim()})`);
      }),
    );
  };
  await removeAll(0);
  await Promise.all([removeAll(1), removeAll(2)]);
  if (left.length > 0) {
    throw new PaudeError('NOT_REMOVED', `of the session ${name} there is left: ${left.join(', ')}`, {
      hint: `git paude delete ${name} --confirm`,
    });
  }
}

/** What there is of a session without its volume. */
export async function leftObjects(
  podman: Podman,
  name: SessionName,
  signal: AbortSignal,
): Promise<Leftovers> {
  const found = (await findObjects(podman, name, signal)).flat();
  return {
    objects: found.map(({ kind, object }) => `${kind} ${object}`),
    owner: found.find(({ owner }) => owner !== undefined)?.owner,
  };
}

/** Of each kind, what carries the session's label and ours. */
function findObjects(podman: Podman, name: SessionName, signal: AbortSignal) {
  // One filter only: podman 4.3 takes several labels as alternatives, and would list other sessions' too.
  const filter = ['--filter', `label=${labels.session}=${name}`];
  return Promise.all(
    kinds.map(async ({ kind, list }) => {
      const all = await rows<Row>(podman, [...list, ...filter], 'list what it consists of', name, signal);
      return all
        .filter((row) => isOf(row, name))
        .map((row) => ({
          kind,
          object: row.Names?.[0] ?? row.Name ?? row.name ?? '',
          owner: (row.Labels ?? row.labels)?.[labels.owner],
        }));
    }),
  );
}

function isOf(row: Row, name: SessionName): boolean {
  const found = row.Labels ?? row.labels ?? {};
  return found[labels.session] === name && found[labels.managedBy] === manager;
}
