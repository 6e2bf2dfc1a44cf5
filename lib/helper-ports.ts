import type { Repository } from './git/repository.ts';
import { createSession } from './session/create-session.ts';
import { startSession } from './session/start-session.ts';
import type { AutoStart } from './session/open-service.ts';
import type { Location } from './session/location.ts';
import type { Report } from './session/events.ts';
import type { App } from './app.ts';
import { describe } from './commands/describe.ts';

/** What git's remote helper asks of the house; the fitting type stands in remote/helper.ts. */
export function helperPorts(app: App) {
  const backendOf = ({ backend }: Location) => app.backend(backend);
  return {
    backend: backendOf,
    // Without .paude.json: what it says is for making sessions, and must not stand in the way of a fetch.
    settings: async () => {
      const [{ values }, config] = await Promise.all([app.ownSettings(), gitConfig(await app.repository())]);
      return {
        autoStart: values['auto-start'] as AutoStart,
        protocolVersion: Number(config.get('protocol.version') ?? 2),
      };
    },
    serveArguments: async (service: string) => {
      if (service !== 'git-receive-pack') return [];
      return pushArguments(await app.repository());
    },
    // Reading the settings throws where .paude.json needs the user's consent.
    beforePush: async () => void (await app.settings()),
    create: async (location: Location, report: Report, signal: AbortSignal) => {
      const ports = { backend: await backendOf(location), ensureImage: app.ensureImage };
      const description = describe(await app.settings());
      await createSession(ports, { name: location.name, description }, report, signal);
    },
    start: async (location: Location, report: Report, signal: AbortSignal) => {
      const { ensureImage, agentEnvironment } = app;
      await startSession(
        { backend: await backendOf(location), ensureImage, agentEnvironment },
        location.name,
        report,
        signal,
      );
    },
  };
}

/** What the far side needs to know of the repository that pushes. */
async function pushArguments(repository: Repository | undefined): Promise<readonly string[]> {
  if (repository === undefined) return [];
  const [config, branch, format] = await Promise.all([
    repository.config(),
    repository.currentBranch(),
    repository.objectFormat(),
  ]);
  const given = { head: branch, name: config.get('user.name'), email: config.get('user.email') };
  const options = Object.entries(given).flatMap(([key, value]) => (value ? [`--${key}=${value}`] : []));
  return [`--object-format=${format}`, ...options];
}

async function gitConfig(repository: Repository | undefined): Promise<ReadonlyMap<string, string>> {
  return (await repository?.config()) ?? new Map();
}
