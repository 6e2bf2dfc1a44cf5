import type { Podman } from './podman.ts';
import { podmanError } from './podman-errors.ts';

/** What podman lists as JSON; where there is nothing, it says that in several ways. `what` and `name` are for an error. */
export async function rows<Row>(
  podman: Podman,
  args: readonly string[],
  what: string,
  name: string,
  signal: AbortSignal,
): Promise<readonly Row[]> {
  const found = await podman.run([...args, '--format', 'json'], { signal });
  if (found.exitCode !== 0) throw podmanError(what, name, found.stderr);
  return (JSON.parse(found.stdout || '[]') as Row[] | null) ?? [];
}
