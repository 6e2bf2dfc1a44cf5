import { isPaudeError, PaudeError } from '../errors.ts';
import type { SessionName } from '../names.ts';
import { sendAgentEnvironment, type AgentEnvironment } from './agent-environment.ts';
import type { Backend } from './backend.ts';
import type { EnsureImage } from './create-session.ts';
import type { Report } from './events.ts';
import { unknownSession } from './resolve-session.ts';

export interface StartPorts {
  readonly backend: Backend;
  readonly ensureImage: EnsureImage;
  /** What an agent needs from the user's shell, secrets among it. */
  readonly agentEnvironment: (agent: string) => Promise<AgentEnvironment>;
}

/**
 * Starts a session if it does not run, and ends when commands can run in it and the agent's environment is
 * there. Throws SESSION_UNKNOWN, SESSION_FAILED.
 */
export async function startSession(
  ports: StartPorts,
  name: SessionName,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  await startBackend(ports, name, report, signal);
  const session = await ports.backend.get(name, signal);
  if (session === undefined) throw unknownSession(name, []);
  const environment = await ports.agentEnvironment(session.description.agent);
  await sendAgentEnvironment(ports.backend, name, environment, signal);
}

/** Starts what the backend runs, and nothing more; builds the image again when it was pruned. */
export async function startBackend(
  { backend, ensureImage }: Pick<StartPorts, 'backend' | 'ensureImage'>,
  name: SessionName,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  const run = async () => {
    for await (const phase of backend.start(name, signal)) report({ type: 'step', text: phase.text });
  };
  try {
    await run();
  } catch (error) {
    if (!isPaudeError(error, 'IMAGE_MISSING')) throw error;
    const session = await backend.get(name, signal);
    if (session === undefined) throw error;
    const image = await ensureImage(session.description, report, signal);
    if (image !== session.image) {
      throw new PaudeError(
        'IMAGE_MISSING',
        `the image ${session.image} of the session ${name} is gone, and the same description now gives ${image}`,
        { hint: `podman tag ${image} ${session.image}`, cause: error },
      );
    }
    await run();
  }
}
