import type { Podman } from './backends/podman/podman.ts';
import type { Shelf } from './image/carry-images.ts';
import type { Fitness, ImageKind } from './image/check-image.ts';
import type { ImageConfig } from './image/registry.ts';
import type { Report } from './session/events.ts';
import { isPaudeError, PaudeError } from './errors.ts';
import { timeLimit } from './waiting.ts';

/** What ready images are looked at with. */
export interface CheckParts {
  readonly podman: () => Promise<Podman>;
  readonly external: (host: string, path: string, verify: boolean) => Promise<Shelf>;
}

/** The platforms of the nodes: `linux/amd64`; undefined where they are not known. Asked for no sooner than it counts. */
export type Nodes = () => Promise<readonly string[] | undefined>;

/** How long a registry may take to show a ready image's configuration; milliseconds. */
const lookTime = 10_000;

/** Whether ready images have what a session needs. */
export function imageChecks({ podman, external }: CheckParts) {
  /** Registries that can't be seen from here: one wait for both images is enough. */
  const unseen = new Set<string>();

  /** What a ready image lacks: found out inside it, or without Podman by its configuration. */
  async function missingIn(ref: string, signal: AbortSignal): Promise<Fitness> {
    const { kindOf, missingInside, missingOutside } = await import('./image/check-image.ts');
    try {
      return await missingInside(ref, await podman(), signal);
    } catch (error) {
      if (!isPaudeError(error, 'BACKEND_MISSING')) throw error;
      const config = await configOf(ref, async () => undefined, signal);
      const kind = kindOf(config);
      return { kind, missing: missingOutside(config, undefined, kind) };
    }
  }

  /**
   * A ready image, as it is to be used on Podman, or on nodes of these platforms. Throws IMAGE_UNFIT where its
   * configuration shows that no session could run on it. One that can't be looked at from here is taken at its word;
   * Podman pulls one that it does not have, or IMAGE_MISSING is thrown.
   */
  async function checked(
    kind: ImageKind,
    ref: string,
    nodes: Nodes | undefined,
    report: Report,
    signal: AbortSignal,
  ): Promise<string> {
    const { missingOutside, unfit } = await import('./image/check-image.ts');
    const { localConfig } = await import('./image/local-image.ts');
    const refuseUnfit = (config: ImageConfig, platforms?: readonly string[]) => {
      const missing = missingOutside(config, platforms, kind);
      if (missing.length > 0) throw unfit(ref, { kind, missing });
    };
    const here = await localConfig(ref, podman, signal);
    if (nodes === undefined) {
      const config = here ?? (await pulled(ref, report, signal));
      if (config !== undefined) refuseUnfit(config);
      return ref;
    }
    // Of an image for several platforms, Podman may have another one than the nodes will pull.
    const theirs = here && (await nodes());
    const isTheirs = theirs === undefined || theirs.includes(`${here?.os}/${here?.architecture}`);
    if (ref.startsWith('localhost/')) {
      const text = `${ref} is an image of Podman's own: only nodes that have it themselves can use it`;
      report({ type: 'notice', text });
    }
    const config = here !== undefined && isTheirs ? here : await fromAfar(ref, nodes, report, signal);
    if (config !== undefined) refuseUnfit(config, await nodes());
    else if (here !== undefined) refuseUnfit(here);
    return ref;
  }

  /** What a registry has, and Podman has not, is fetched; what is Podman's own is nowhere else. */
  async function pulled(ref: string, report: Report, signal: AbortSignal): Promise<ImageConfig | undefined> {
    if (ref.startsWith('localhost/')) return undefined;
    const [{ pullReady }, { localConfig }] = await Promise.all([
      import('./image/base-image.ts'),
      import('./image/local-image.ts'),
    ]);
    await pullReady(ref, await podman(), report, signal);
    return localConfig(ref, podman, signal);
  }

  /**
   * Undefined where it can't be seen from here. That alone is no news: many registries are the nodes' only. That the
   * registry has no such image is.
   */
  async function fromAfar(
    ref: string,
    nodes: Nodes,
    report: Report,
    signal: AbortSignal,
  ): Promise<ImageConfig | undefined> {
    const { reference } = await import('./image/registry-name.ts');
    const { host } = reference(ref);
    const late = timeLimit(lookTime);
    const unchecked = (why: string) =>
      report({ type: 'output', line: `the image ${ref} is used unchecked: ${why}` });
    try {
      if (!unseen.has(host)) return await configOf(ref, nodes, AbortSignal.any([signal, late]));
      unchecked(`${host} can't be seen from here`);
    } catch (error) {
      if (!(error instanceof PaudeError) || signal.aborted) throw error;
      if (error.code === 'IMAGE_MISSING') report({ type: 'notice', text: error.message });
      else unchecked(late.aborted ? `${host} does not answer` : error.message);
      if (late.aborted || error.code === 'REGISTRY_UNREACHABLE') unseen.add(host);
    }
    return undefined;
  }

  /** With the user's login, so never of who only says to be that registry. */
  async function configOf(ref: string, platforms: Nodes, signal: AbortSignal): Promise<ImageConfig> {
    const [{ reference }, { readConfig }, { platformsOf }] = await Promise.all([
      import('./image/registry-name.ts'),
      import('./image/read-config.ts'),
      import('./image/local-image.ts'),
    ]);
    const { host, name, version } = reference(ref);
    const shelf = await external(host, name, true);
    return readConfig(
      shelf,
      name,
      version,
      async () => (await platforms()) ?? platformsOf(undefined, []),
      signal,
    );
  }

  return { checked, missingIn };
}
