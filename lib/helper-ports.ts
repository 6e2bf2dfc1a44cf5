import type { Repository } from './git/repository.ts';
import type { AutoStart } from './session/open-service.ts';
import type { Location } from './session/location.ts';
import type { Report } from './session/events.ts';
import type { App } from './app.ts';

/**
 * What git's remote helper asks of the house; the fitting type stands in remote/helper.ts. What a push to a session
 * that runs has no need of is not loaded for it.
 */
export function helperPorts(app: App) {
  return {
    backend: (location: Location) => app.backend(location),
    // Without .paude.json: what it says is for making sessions, and must not stand in the way of a fetch.
    settings: async () => {
      const [{ values }, config] = await Promise.all([app.ownSettings(), gitConfig(await app.repository())]);
      return {
        autoStart: values['auto-start'] as AutoStart,
        protocolVersion: Number(config.get('protocol.version') ?? 2),
      };
    },
    serveOptions: async (service: string) => {
      if (service !== 'git-receive-pack') return [];
      return pushOptions(await app.repository());
    },
    // Reading the settings throws where .paude.json needs the user's consent.
    beforePush: async () => void (await app.settings()),
    create: async (location: Location, report: Report, signal: AbortSignal) => {
      const [{ createSession }, { describe, leftOut }] = await Promise.all([
        import('./session/create-session.ts'),
        import('./commands/describe.ts'),
      ]);
      const pullSecret = app.pullSecret(location);
      const ports = {
        backend: await app.backend(location),
        ensureImage: app.ensureImage(location),
        ensureProxyImage: app.ensureProxyImage(location),
        network: app.network,
        ...(pullSecret && { pullSecret }),
      };
      const settings = await app.settings();
      for (const text of leftOut(settings, location.backend)) report({ type: 'notice', text });
      const description = describe(settings, location.backend);
      await createSession(ports, { name: location.name, description }, report, signal);
      await app.remember(location, report);
    },
    start: async (location: Location, report: Report, signal: AbortSignal) => {
      const ports = {
        backend: await app.backend(location),
        ensureImage: app.ensureImage(location),
        ensureProxyImage: app.ensureProxyImage(location),
        network: app.network,
      };
      const { startClosed } = await import('./session/start-session.ts');
      await startClosed(ports, location.name, report, signal);
    },
    sync: async (location: Location, signal: AbortSignal) => {
      const { bringCredentials, receiverOf } = await import('./session/bring-credentials.ts');
      const ports = { backend: await app.backend(location), credentials: app.credentials };
      const notices: string[] = [];
      const report: Report = (event) => void (event.type === 'notice' && notices.push(event.text));
      const receiver = await receiverOf(ports, location.name, report, signal);
      await bringCredentials(ports, receiver, 'fresh', report, signal);
      return notices;
    },
  };
}

/** What the far side needs to know of the repository that pushes. */
async function pushOptions(repository: Repository | undefined): Promise<readonly string[]> {
  if (repository === undefined) return [];
  const [config, branch] = await Promise.all([repository.config(), repository.currentBranch()]);
  const given = { head: branch, name: config.get('user.name'), email: config.get('user.email') };
  const options = Object.entries(given).flatMap(([key, value]) => (value ? [`--${key}=${value}`] : []));
  return [`--object-format=${repository.objectFormat}`, ...options];
}

async function gitConfig(repository: Repository | undefined): Promise<ReadonlyMap<string, string>> {
  return (await repository?.config()) ?? new Map();
}
