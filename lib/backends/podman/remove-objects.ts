import { PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import { labels, manager } from './objects.ts';
import type { Podman } from './podman.ts';
import { podmanError } from './podman-errors.ts';

/** In the order in which they can go; each kind's way to list and to remove. */
const kinds = [
  {
    kind: 'container',
    list: ['ps', '--all', '--format', '{{.Names}}'],
    remove: ['rm', '--force', '--time', '10'],
  },
  { kind: 'network', list: ['network', 'ls', '--format', '{{.Name}}'], remove: ['network', 'rm', '--force'] },
  { kind: 'volume', list: ['volume', 'ls', '--format', '{{.Name}}'], remove: ['volume', 'rm', '--force'] },
] as const;

/** Removes everything that carries the session's label and ours. Throws NOT_REMOVED with what is left. */
export async function removeObjects(podman: Podman, name: SessionName, signal: AbortSignal): Promise<void> {
  const filters = [
    '--filter',
    `label=${labels.session}=${name}`,
    '--filter',
    `label=${labels.managedBy}=${manager}`,
  ];
  const found = await Promise.all(
    kinds.map(async ({ list }) => {
      const listed = await podman.run([...list, ...filters], { signal });
      if (listed.exitCode !== 0) throw podmanError('list what it consists of', name, listed.stderr);
      return listed.stdout.split('\n').filter((line) => line !== '');
    }),
  );
  const left: string[] = [];
  for (const [index, { kind, remove }] of kinds.entries()) {
    for (const object of found[index]!) {
      const removed = await podman.run([...remove, object], { signal });
      const gone = removed.exitCode === 0 || /no such|not found/i.test(removed.stderr);
      if (!gone) left.push(`${kind} ${object} (${removed.stderr.trim()})`);
    }
  }
  if (left.length > 0) {
    throw new PaudeError('NOT_REMOVED', `of the session ${name} there is left: ${left.join(', ')}`, {
      hint: `git paude delete ${name} --confirm`,
    });
  }
}
