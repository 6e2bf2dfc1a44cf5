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

/** What an image for a cluster is to be: as asked for, else as the nodes are, else what most are. */
export function platformOf(asked: unknown, nodes: readonly string[]): string {
  if (typeof asked === 'string') return asked;
  const linux = nodes.filter((one) => one.startsWith('linux/'));
  if (linux.length > 1) {
    throw new PaudeError('IMAGE_PLATFORM', `the nodes are of several platforms: ${linux.join(', ')}`, {
      hint: `say which one the image is for: --platform=${linux[0]}`,
    });
  }
  return linux[0] ?? 'linux/amd64';
}
