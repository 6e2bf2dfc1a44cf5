import { isPaudeError, PaudeError } from '../errors.ts';
import type { LocalImage } from './carry-images.ts';
import type { ImagePort } from './ensure-image.ts';
import type { ImageConfig } from './registry.ts';

/** Looks at an image that Podman has. Throws IMAGE_MISSING, and IMAGE_PLATFORM where the nodes could not run it. */
export async function localImage(
  tag: string,
  platform: string,
  port: ImagePort,
  signal: AbortSignal,
): Promise<LocalImage> {
  const format = '{{.Id}} {{.Os}}/{{.Architecture}}';
  const { exitCode, stdout, stderr } = await port.run(['image', 'inspect', '--format', format, tag], {
    signal,
  });
  if (exitCode !== 0) throw new PaudeError('IMAGE_MISSING', `podman does not have ${tag}: ${stderr.trim()}`);
  const [id = '', is] = stdout.trim().split(' ');
  if (is !== platform) {
    throw new PaudeError('IMAGE_PLATFORM', `the image ${tag} is for ${is}, and the nodes are ${platform}`, {
      hint: `name a base image for ${platform} with --base-image, or the nodes' platform with --platform`,
    });
  }
  return { tag, id: id.startsWith('sha256:') ? id : `sha256:${id}` };
}

/** The configuration of an image that Podman has; undefined where it has none, or there is no Podman. */
export async function localConfig(
  ref: string,
  podman: () => Promise<ImagePort>,
  signal: AbortSignal,
): Promise<ImageConfig | undefined> {
  try {
    const port = await podman();
    const { exitCode, stdout } = await port.run(['image', 'inspect', ref], { signal });
    if (exitCode !== 0) return undefined;
    const [{ Os, Architecture, Config }] = JSON.parse(stdout) as [
      { Os: string; Architecture: string; Config: NonNullable<ImageConfig['config']> },
    ];
    return { os: Os, architecture: Architecture, config: Config };
  } catch (error) {
    if (isPaudeError(error, 'BACKEND_MISSING')) return undefined;
    throw error;
  }
}

/** The platform of the machine on which Podman runs containers: `linux/arm64`. Undefined where it does not say. */
export async function podmanPlatform(port: ImagePort, signal: AbortSignal): Promise<string | undefined> {
  const { exitCode, stdout } = await port.run(['version', '--format', '{{.Server.OsArch}}'], { signal });
  return exitCode === 0 ? stdout.trim() : undefined;
}

/** What a cluster can run: what was asked for, else what the nodes are, else what most are. */
export function platformsOf(asked: unknown, nodes: readonly string[]): readonly [string, ...string[]] {
  if (typeof asked === 'string') return [asked];
  const [first = 'linux/amd64', ...others] = nodes.filter((one) => one.startsWith('linux/'));
  return [first, ...others];
}

/** What an image that is built for a cluster is to be. Throws IMAGE_PLATFORM where that is not one. */
export function platformOf(asked: unknown, nodes: readonly string[]): string {
  const [only, ...others] = platformsOf(asked, nodes);
  if (others.length === 0) return only;
  throw new PaudeError(
    'IMAGE_PLATFORM',
    `the nodes are of several platforms: ${[only, ...others].join(', ')}`,
    {
      hint: `say which one the image is for: --platform=${only}`,
    },
  );
}
