import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { describePlace, type Place } from './session/location.ts';
import { placeOf } from './session/place-of.ts';
import type { CreatePorts, EnsureImage } from './session/create-session.ts';
import type { Repository } from './git/repository.ts';
import type { Resolved } from './config/load-settings.ts';
import type { SettingsFile } from './config/settings-file.ts';
import type { Images } from './commands/command.ts';
import type { Backend } from './session/backend.ts';
import type { Cluster } from './backends/kubernetes/cluster.ts';
import type { Transport } from './backends/kubernetes/transport.ts';
import { homePorts } from './home-ports.ts';
import { networkPorts } from './network-ports.ts';
import { placePorts } from './place-ports.ts';

/**
 * Wires the house: everything is made when it is first asked for, once, and imported no sooner. `flags` are what
 * the user gave to the verb; `interactive`, whether a person typed it on a terminal and can be asked.
 */
export function createApp(
  flags: ReadonlyMap<string, unknown> = new Map(),
  env = process.env,
  interactive = false,
) {
  const home = env['HOME'] ?? homedir();
  const userFolder = join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'paude');

  const repository = memoised(async (): Promise<Repository | undefined> => {
    const { openRepository } = await import('./git/repository.ts');
    return openRepository(process.cwd(), env);
  });

  const sources = async () => {
    const [found, { configOutside }] = await Promise.all([repository(), import('./git/repository.ts')]);
    return {
      flags,
      env,
      userFolder,
      topLevel: found?.topLevel,
      gitConfig: await (found?.config() ?? configOutside(process.cwd(), env)),
    };
  };

  const settings = memoised(async (): Promise<Resolved> => {
    const { loadSettings } = await import('./config/load-settings.ts');
    return loadSettings(await sources());
  });

  /** The settings without those of the repository. */
  const ownSettings = memoised(async (): Promise<Resolved> => {
    const { loadSettings } = await import('./config/load-settings.ts');
    return loadSettings({ ...(await sources()), topLevel: undefined });
  });

  const podman = memoised(async () => {
    const loading = import('./backends/podman/podman.ts');
    const outside = await outward();
    return (await loading).podmanProgram(outside);
  });

  /** For the programs that reach sessions. */
  const outward = memoised(async () => (await import('./agents/agents.ts')).withoutSecrets(env));

  const backends = new Map<string, Promise<Backend>>();

  /** The backend of a place, such as a session's; without one, of the settings. Each is opened once. */
  function backend(place?: Place): Promise<Backend> {
    const key = place === undefined ? '' : describePlace(place);
    const known = backends.get(key) ?? openBackend(place);
    backends.set(key, known);
    if (place === undefined) void known.then(alsoByPlace, () => undefined);
    return known;
  }

  /** The backend of the settings is that of its place, too: one login and one connection for both. */
  function alsoByPlace(opened: Backend): void {
    backends.set(describePlace(placeOf(opened)), Promise.resolve(opened));
  }

  async function openBackend(place?: Place): Promise<Backend> {
    const wanted = place?.backend ?? (await settings()).values.backend;
    if (wanted === 'podman') {
      const loading = import('./backends/podman/podman-backend.ts');
      const program = await podman();
      return (await loading).podmanBackend(program, env['USER'] || userInfo().username);
    }
    const loading = import('./backends/kubernetes/kubernetes-backend.ts');
    const outside = await outward();
    return (await loading).kubernetesBackend(await cluster(place), {
      env: outside,
      transport: async () =>
        (await (place === undefined ? settings() : ownSettings())).values.transport as Transport,
      everywhere: flags.get('all-namespaces') === true,
    });
  }

  const clusters = new Map<string, Promise<Cluster>>();

  /** The cluster of a place; without one, of the settings. */
  function cluster(place?: Place): Promise<Cluster> {
    const key = place === undefined ? '' : describePlace(place);
    const known = clusters.get(key) ?? connectTo(place);
    clusters.set(key, known);
    return known;
  }

  async function connectTo(place?: Place): Promise<Cluster> {
    if (place?.backend !== 'kubernetes') return clusterBy(await settings());
    const { openCluster } = await import('./backends/kubernetes/kubernetes-backend.ts');
    return openCluster({ env: await outward(), interactive, ...place });
  }

  async function clusterBy({ values }: Resolved): Promise<Cluster> {
    const { openCluster } = await import('./backends/kubernetes/kubernetes-backend.ts');
    const text = (key: 'openshift-context' | 'openshift-namespace') =>
      typeof values[key] === 'string' ? values[key] : undefined;
    return openCluster({
      env: await outward(),
      interactive,
      context: text('openshift-context'),
      namespace: text('openshift-namespace'),
    });
  }

  /** Where sessions are when no flag says so. Contacts nothing. */
  async function usualPlace(): Promise<Place> {
    const { loadSettings } = await import('./config/load-settings.ts');
    const usual = await loadSettings({ ...(await sources()), flags: new Map() });
    if (usual.values.backend === 'podman') return { backend: 'podman' };
    const { context, namespace } = await clusterBy(usual);
    return { backend: 'kubernetes', context, namespace };
  }

  const imageParts = memoised(async () => {
    const { imagePorts } = await import('./image-ports.ts');
    return imagePorts({ env: await outward(), home, settings, podman, agree });
  });

  /** How a place gets a session's image, or its proxy's: built here, and for a cluster carried to where its nodes pull it. */
  function ensuring(role: 'session' | 'proxy', place: Place): EnsureImage {
    return async (description, report, signal) => {
      const parts = await imageParts();
      const ready = role === 'session' ? description.image : description.proxyImage;
      if (ready !== undefined) {
        const nodes = async () => parts.platformsFor(await cluster(place), signal);
        return parts.checked(role, ready, place.backend === 'podman' ? undefined : nodes, report, signal);
      }
      const [build, carried] =
        role === 'session' ? [parts.build, parts.carried] : [parts.buildProxy, parts.carriedProxy];
      if (place.backend === 'podman') return build(description, report, signal);
      return carried(await cluster(place), description, report, signal);
    };
  }

  /** For the verbs of images. */
  async function images(): Promise<Images> {
    const { carried, carriedProxy, there, ...parts } = await imageParts();
    return {
      ...parts,
      carried: async (description, report, signal) => carried(await cluster(), description, report, signal),
      carriedProxy: async (description, report, signal) =>
        carriedProxy(await cluster(), description, report, signal),
      there: async (report, signal) => there(await cluster(), report, signal),
    };
  }

  /** What it takes to pull images in a place, for those who make sessions there. */
  function pullSecret(place: Place): CreatePorts['pullSecret'] {
    if (place.backend === 'podman') return undefined;
    return async (images, report, signal) => (await imageParts()).pullSecret(images, report, signal);
  }

  async function agree(question: string, signal: AbortSignal): Promise<boolean | undefined> {
    if (!interactive) return undefined;
    const { askYesNo } = await import('./ui/ask.ts');
    return askYesNo(process, process.stdin, question, signal);
  }

  /** This repository's .paude.json, trusted or not. */
  async function settingsFile(): Promise<SettingsFile | undefined> {
    const found = await repository();
    if (found?.topLevel === undefined) return undefined;
    const { readSettingsFile } = await import('./config/settings-file.ts');
    return readSettingsFile(join(found.topLevel, '.paude.json'));
  }

  async function containerfile(file: SettingsFile): Promise<string | undefined> {
    const { containerfileOf } = await import('./config/trust.ts');
    return containerfileOf((await repository())?.topLevel, file.values.get('containerfile'));
  }

  async function trust(file: SettingsFile): Promise<void> {
    const allow = (await import('./config/trust.ts')).trust;
    await allow(file, (await repository())?.topLevel, userFolder);
  }

  return {
    repository,
    settings,
    ownSettings,
    settingsFile,
    containerfile,
    trust,
    backend,
    ...placePorts({ flags, userFolder, usualPlace }),
    images,
    ensureImage: (place: Place) => ensuring('session', place),
    ...homePorts(home, env),
    pullSecret,
    ensureProxyImage: (place: Place) => ensuring('proxy', place),
    ...networkPorts({ env, ownSettings }),
  };
}

export type App = ReturnType<typeof createApp>;

function memoised<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

/** The program git-remote-paude, with the arguments that git gives it. Ends with the exit code. */
export async function runRemoteHelper(argv: readonly string[]): Promise<number> {
  const [{ runHelper }, { helperPorts }] = await Promise.all([
    import('./remote/helper.ts'),
    import('./helper-ports.ts'),
  ]);
  const stopping = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stopping.abort());
  const { stdin, stdout, stderr } = process;
  return runHelper({ argv, stdin, stdout, stderr, signal: stopping.signal, ports: helperPorts(createApp()) });
}
