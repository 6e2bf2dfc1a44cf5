import type { Architecture } from './agents/agent.ts';
import type { ImageParts } from './image-ports.ts';
import type { Recipe } from './image/recipe.ts';
import type { Description } from './session/session.ts';
import { isPaudeError } from './errors.ts';
import { certificates } from './image-ways.ts';

/** Finds out what decides the images of a description: for an architecture, or for the machine that Podman runs on. */
export function imageRecipes({ env, settings, podman }: Pick<ImageParts, 'env' | 'settings' | 'podman'>) {
  const own: Architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';

  /** What Podman's machine is: a Podman elsewhere may run on another one than this. */
  async function native(signal: AbortSignal): Promise<Architecture> {
    const elsewhere = env['CONTAINER_HOST'] ?? env['CONTAINER_CONNECTION'] ?? process.platform !== 'linux';
    if (!elsewhere) return own;
    const { podmanPlatform } = await import('./image/local-image.ts');
    try {
      const found = await podmanPlatform(await podman(), signal);
      return found === undefined ? own : found === 'linux/arm64' ? 'arm64' : 'amd64';
    } catch (error) {
      if (isPaudeError(error, 'BACKEND_MISSING')) return own;
      throw error;
    }
  }

  return async function recipe(
    description: Description,
    wanted: Architecture | undefined,
    signal: AbortSignal,
  ): Promise<Recipe> {
    const { agentNamed } = await import('./agents/agents.ts');
    const is = await native(signal);
    const architecture = wanted ?? is;
    const caFile = (await settings()).values['ca-file'];
    return {
      ...description,
      agent: agentNamed(description.agent),
      architecture,
      foreign: architecture !== is,
      ...(typeof caFile === 'string' ? { certificates: await certificates(caFile) } : {}),
    };
  };
}
