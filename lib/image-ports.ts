import type { Resolved } from './config/load-settings.ts';
import type { Cluster } from './backends/kubernetes/cluster.ts';
import type { Podman } from './backends/podman/podman.ts';
import type { Architecture } from './agents/agent.ts';
import type { Shelf } from './image/carry-images.ts';
import type { OwnImage } from './image/old-images.ts';
import type { PublishedImage, PublishedName } from './image/published.ts';
import type { Recipe } from './image/recipe.ts';
import type { Report } from './session/events.ts';
import type { Description } from './session/session.ts';
import { isPaudeError, PaudeError } from './errors.ts';
import { imageChecks } from './image-checks.ts';
import { imageRecipes } from './image-recipes.ts';
import { imageWays } from './image-ways.ts';
import { pullSecrets } from './pull-secrets.ts';

/** What images are made with. Each is a function, so that nothing is made before it is needed. */
export interface ImageParts {
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  readonly settings: () => Promise<Resolved>;
  readonly podman: () => Promise<Podman>;
  /** Asks a person a question of yes or no; undefined where there is nobody. */
  readonly agree: (question: string, signal: AbortSignal) => Promise<boolean | undefined>;
  /** What was published with this package, where it is not what is recorded in it. */
  readonly published?: readonly PublishedImage[];
}

/** How sessions get their images: built here, and carried to where they are pulled. */
export function imagePorts({ env, home, settings, podman, agree, published }: ImageParts) {
  const { external, login, ways } = imageWays({ env, home, settings });
  const { checked, missingIn } = imageChecks({ podman, external });
  const { pullSecret } = pullSecrets({ settings, external, login, agree });
  const recipe = imageRecipes({ env, settings, podman });

  /** Gives the tag that Podman has it by. */
  async function build(
    description: Description,
    report: Report,
    signal: AbortSignal,
    architecture?: Architecture,
  ): Promise<string> {
    const { ensureImage } = await import('./image/ensure-image.ts');
    return ensureImage(await recipe(description, architecture, signal), await podman(), report, signal);
  }

  /** The same for the image of its proxy. */
  async function buildProxy(
    description: Description,
    report: Report,
    signal: AbortSignal,
    architecture?: Architecture,
  ): Promise<string> {
    const { ensureProxyImage } = await import('./image/proxy-image.ts');
    return ensureProxyImage(await recipe(description, architecture, signal), await podman(), report, signal);
  }

  const asked = new WeakMap<Cluster, Promise<readonly string[]>>();

  /** The platforms of a cluster's nodes; none where the settings say what they are. Asked for once. */
  async function nodesOf(cluster: Cluster, signal: AbortSignal): Promise<readonly string[]> {
    if ((await settings()).values.platform !== undefined) return [];
    const { clusterRegistry } = await import('./backends/kubernetes/registry/cluster-registry.ts');
    const known = asked.get(cluster) ?? clusterRegistry(cluster).platforms(signal);
    asked.set(cluster, known);
    return known;
  }

  /** What images that are built for a cluster are to be: `linux/amd64`. */
  async function platformFor(cluster: Cluster, signal: AbortSignal): Promise<string> {
    const { platformOf } = await import('./image/local-image.ts');
    return platformOf((await settings()).values.platform, await nodesOf(cluster, signal));
  }

  /** What ready ones may be; undefined where nobody says what the nodes are. */
  async function platformsFor(cluster: Cluster, signal: AbortSignal): Promise<readonly string[] | undefined> {
    const { platformsOf } = await import('./image/local-image.ts');
    const asked = (await settings()).values.platform;
    const nodes = await nodesOf(cluster, signal);
    return asked === undefined && nodes.length === 0 ? undefined : platformsOf(asked, nodes);
  }

  /** Brings images that Podman has to a cluster; gives, for each, the reference by which its nodes pull it. */
  async function carry(
    cluster: Cluster,
    tags: readonly string[],
    platform: string,
    report: Report,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const [{ localImage }, { carry: carryTo }, { tryWays }] = await Promise.all([
      import('./image/local-image.ts'),
      import('./image/carry-images.ts'),
      import('./image/try-ways.ts'),
    ]);
    const engine = await podman();
    const images = await Promise.all(tags.map((tag) => localImage(tag, platform, engine, signal)));
    const go = (shelf: Shelf) => carryTo(images, shelf, engine, report, signal);
    return tryWays(await ways(cluster, report), go, report, signal);
  }

  /** Builds an image for a cluster's nodes, unless one is published, and gives the reference by which they pull it. */
  async function bring(
    { name, make, without }: Brought,
    cluster: Cluster,
    description: Description,
    report: Report,
    signal: AbortSignal,
  ): Promise<string> {
    const platform = await platformFor(cluster, signal);
    const architecture = platform.replace('linux/', '') as Architecture;
    const ready = await publishedImage(name, await recipe(description, architecture, signal), report, signal);
    if (ready !== undefined) return ready;
    const tag = await make(description, report, signal, architecture).catch(without);
    return (await carry(cluster, [tag], platform, report, signal))[0]!;
  }

  const session: Brought = {
    name: 'paude-session',
    make: build,
    without: lacking("the session's image", '--image'),
  };
  const proxy: Brought = {
    name: 'paude-proxy',
    make: buildProxy,
    without: lacking("its proxy's image", '--proxy-image'),
  };
  const carried = bring.bind(undefined, session);
  const carriedProxy = bring.bind(undefined, proxy);

  /** Our images that Podman has; none where there is no Podman. */
  async function here(signal: AbortSignal): Promise<readonly OwnImage[]> {
    const { imagesHere } = await import('./image/old-images.ts');
    return imagesHere(await podman(), signal).catch((error: unknown) => {
      if (isPaudeError(error, 'BACKEND_MISSING')) return [];
      throw error;
    });
  }

  /** Our images in the first registry that a way leads to. */
  async function there(cluster: Cluster, report: Report, signal: AbortSignal): Promise<readonly OwnImage[]> {
    const [{ imagesThere }, { repository }] = await Promise.all([
      import('./image/old-images.ts'),
      import('./image/registry.ts'),
    ]);
    for (const way of await ways(cluster, report)) {
      const shelf = await way.open(signal);
      if ('skipped' in shelf) continue;
      // What is open holds up the program's end; it is opened anew for each removal.
      const closing = async <T>(work: Promise<T>) => work.finally(() => shelf.wire.close?.());
      const listed = ['paude-session', 'paude-proxy'].map(async (name) => {
        const target = repository(shelf.wire, `${shelf.path}${name}`, shelf.login);
        return imagesThere(target, shelf, signal);
      });
      const found = (await closing(Promise.all(listed))).flat();
      return found.map((image) => ({ ...image, remove: (either) => closing(image.remove(either)) }));
    }
    return [];
  }

  /** A published image, if its digest is recorded in this package and the registry has just that. */
  async function publishedImage(
    name: PublishedName,
    wanted: Recipe,
    report: Report,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { publishedFor, findPublished } = await import('./image/published.ts');
    const found = publishedFor(name, wanted, published);
    if (found === undefined) return undefined;
    const { registryName } = await import('./image/registry-name.ts');
    const { host, path } = registryName(String((await settings()).values.registry));
    return findPublished(found, await external(host, path, true), report, signal);
  }

  return {
    build,
    buildProxy,
    carry,
    carried,
    carriedProxy,
    platformFor,
    platformsFor,
    pullSecret,
    checked,
    missingIn,
    here,
    there,
  };
}

/** One of the images that a session needs on a cluster. */
interface Brought {
  readonly name: PublishedName;
  readonly make: (
    description: Description,
    report: Report,
    signal: AbortSignal,
    architecture: Architecture,
  ) => Promise<string>;
  readonly without: (error: unknown) => never;
}

/** Without Podman nothing is built; what can be done then is said. */
function lacking(what: string, flag: string): (error: unknown) => never {
  return (error) => {
    if (!isPaudeError(error, 'BACKEND_MISSING')) throw error;
    throw new PaudeError('BACKEND_MISSING', `${error.message}, which it takes to build ${what}`, {
      hint: `${error.hint ?? ''}; or name a ready image: ${flag}=REF`,
      cause: error,
    });
  };
}
