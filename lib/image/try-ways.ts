import { interrupted, isPaudeError, PaudeError } from '../errors.ts';
import type { Shelf } from './carry-images.ts';
import type { ImageEvent } from './ensure-image.ts';

/** A way for images to reach a cluster. */
export interface Way {
  /** For people: `the registry's route`. */
  readonly name: string;
  /** The registry at its end, or why it can't be gone here. Throws what stands in the way. */
  open(signal: AbortSignal): Promise<Shelf | { readonly skipped: string }>;
}

/**
 * Goes the ways in their order until one has brought the images. Throws the failure of the only one that could be
 * tried, or IMAGE_NOT_CARRIED with what stood in each one's way.
 */
export async function tryWays(
  ways: readonly Way[],
  carry: (shelf: Shelf) => Promise<readonly string[]>,
  report: (event: ImageEvent) => void,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const reasons: string[] = [];
  const failures: PaudeError[] = [];
  for (const way of ways) {
    let shelf: Awaited<ReturnType<Way['open']>> | undefined;
    try {
      shelf = await way.open(signal);
      if (!('skipped' in shelf)) return await carry(shelf);
      reasons.push(`${way.name}: ${shelf.skipped}`);
    } catch (error) {
      if (signal.aborted) throw interrupted();
      // What is wrong here, and not there, is so on every way.
      if (!isPaudeError(error) || isOfThisMachine(error)) throw error;
      failures.push(error);
      reasons.push(`${way.name}: ${error.message}`);
      if (way !== ways.at(-1)) report({ type: 'notice', text: `${error.message}; trying the next way` });
    } finally {
      if (shelf !== undefined && 'wire' in shelf) shelf.wire.close?.();
    }
  }
  const external = 'use an external registry: podman login quay.io, then --openshift-registry=quay.io/myuser';
  const list = reasons.map((reason) => `\n  ${reason}`).join('');
  const [only, ...others] = failures;
  if (only !== undefined && others.length === 0) {
    const message = reasons.length === 1 ? only.message : `the image can't be brought to the cluster:${list}`;
    const hint = [only.hint, ...(/external|--openshift-registry/.test(only.hint ?? '') ? [] : [external])];
    throw new PaudeError(only.code, message, { hint: hint.filter(Boolean).join('; or '), cause: only });
  }
  throw new PaudeError('IMAGE_NOT_CARRIED', `the image can't be brought to the cluster:${list}`, {
    hint: external,
    cause: new AggregateError(failures),
  });
}

function isOfThisMachine({ code }: PaudeError): boolean {
  return [
    'IMAGE_MISSING',
    'BACKEND_MISSING',
    'BACKEND_FAILED',
    'DISK_FULL',
    'CONFIG_INVALID',
    'USAGE',
    'NOT_LOGGED_IN',
  ].includes(code);
}
