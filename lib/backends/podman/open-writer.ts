import type { SessionName } from '../../names.ts';
import { PaudeError } from '../../errors.ts';
import type { Tunnel } from '../../tunnel.ts';
import { podmanTunnel } from './exec-tunnel.ts';
import { objectName, writerArguments } from './objects.ts';
import type { Podman } from './podman.ts';
import { podmanError } from './podman-errors.ts';
import { isRunning } from './query.ts';

/**
 * How long podman may take to make the container, run the command to the end of its input, and remove it; milliseconds.
 * Killed on the way, it leaves a container that holds on to the memory, and to what is in it.
 */
const patience = 15_000;

/**
 * Runs a command in a container of its own, for as long as the command takes: the only one that may write into the
 * memory of a session's credentials. `image` is a running session's, where that is known. Throws SESSION_STOPPED,
 * SESSION_UNKNOWN: without a session that runs, that memory would be gone with the writer.
 */
export async function openWriter(
  podman: Podman,
  name: SessionName,
  image: string | undefined,
  command: readonly string[],
  signal: AbortSignal,
): Promise<Tunnel> {
  const args = writerArguments(name, image ?? (await runningImage(podman, name, signal)), command);
  return podmanTunnel(podman, name, args, () => isRunning(podman, name), signal, patience);
}

async function runningImage(podman: Podman, name: SessionName, signal: AbortSignal): Promise<string> {
  const format = '{{.State.Running}} {{.Image}}';
  const found = await podman.run(['container', 'inspect', '--format', format, objectName(name)], { signal });
  if (found.exitCode !== 0) throw podmanError('look at it', name, found.stderr);
  const [running, image] = found.stdout.trim().split(' ');
  if (running === 'true') return image!;
  throw new PaudeError('SESSION_STOPPED', `the session ${name} is stopped`, {
    hint: `git paude start ${name}`,
  });
}
