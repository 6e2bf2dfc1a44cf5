import type { Podman } from './podman.ts';
import { podmanError } from './podman-errors.ts';

/** What podman says of a list from which something was removed while it was made. */
const vanished = /no such (?:volume|network|container)/i;

/** How often at most: what is always missing is podman's own trouble. */
const attempts = 10;

/**
 * What podman lists as JSON; where there is nothing, it says that in several ways. `what` and `name` are for an error.
 * A list fails when something is removed while it is made, by whomever: it is made anew then.
 */
export async function rows<Row>(
  podman: Podman,
  args: readonly string[],
  what: string,
  name: string,
  signal: AbortSignal,
): Promise<readonly Row[]> {
  for (let attempt = 1; ; attempt++) {
    const found = await podman.run([...args, '--format', 'json'], { signal });
    if (found.exitCode === 0) return (JSON.parse(found.stdout || '[]') as Row[] | null) ?? [];
    if (!vanished.test(found.stderr) || attempt === attempts) throw podmanError(what, name, found.stderr);
  }
}
