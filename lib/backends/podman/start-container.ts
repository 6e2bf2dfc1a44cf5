import { PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import type { StartPhase } from '../../session/backend.ts';
import { ensureContainer, ensureNetwork, limitsOf, objectLabels } from './create-objects.ts';
import { objectName, specOf } from './objects.ts';
import type { Podman } from './podman.ts';
import { podmanError } from './podman-errors.ts';

/** Starts a session's container and waits until commands can run in it; makes again what was pruned. */
export async function* startContainer(
  podman: Podman,
  name: SessionName,
  signal: AbortSignal,
): AsyncGenerator<StartPhase> {
  const object = objectName(name);
  yield { text: `starting the session ${name}` };
  let started = await podman.run(['start', object], { signal });
  if (started.exitCode !== 0 && /no such container|no container with|network/i.test(started.stderr)) {
    yield { text: `making again what was pruned of the session ${name}` };
    await repair(podman, name, signal);
    started = await podman.run(['start', object], { signal });
  }
  if (started.exitCode !== 0) throw podmanError('start it', name, started.stderr);
  const ready = await podman.run(['exec', object, 'paude-session', 'ready'], { signal });
  if (ready.exitCode !== 0) throw await whyNotReady(podman, name, ready.stderr, signal);
}

async function repair(podman: Podman, name: SessionName, signal: AbortSignal): Promise<void> {
  const object = objectName(name);
  const all = await objectLabels(podman, 'volume', object, signal);
  const spec = all === undefined ? undefined : specOf(all);
  if (all === undefined || spec === undefined)
    throw podmanError('start it', name, `no such container ${object}`);
  // What the user was told of limits when it was made need not be told again.
  const limits = await limitsOf(podman, spec, () => undefined, signal);
  await ensureNetwork(podman, object, all, signal);
  await ensureContainer(podman, spec, all, limits, signal);
}

async function whyNotReady(
  podman: Podman,
  name: SessionName,
  said: string,
  signal: AbortSignal,
): Promise<PaudeError> {
  const logs = await podman.run(['logs', '--tail', '5', objectName(name)], { signal });
  const last = `${logs.stdout}\n${logs.stderr}`.trim() || said.trim();
  return new PaudeError('SESSION_FAILED', `the session ${name} started and did not become ready: ${last}`, {
    hint: `podman logs ${objectName(name)}`,
  });
}
