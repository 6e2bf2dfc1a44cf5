import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PaudeError } from '../errors.ts';
import type { ImageEvent, ImagePort } from './ensure-image.ts';
import { largeFolder } from './export-image.ts';
import { defaultBaseImage, type Recipe } from './recipe.ts';

/** How often a pull is looked at; milliseconds. */
const look = 500;

/** The content of a recipe's base image, pulled when it is not here, or here for another platform only. */
export async function imageId(
  { baseImage: image = defaultBaseImage, architecture, foreign = false }: BaseRecipe,
  port: ImagePort,
  report: (event: ImageEvent) => void,
  signal: AbortSignal,
): Promise<string> {
  const platform = `linux/${architecture}`;
  const format = '{{.Id}} {{.Os}}/{{.Architecture}}';
  const inspect = async () => {
    const { exitCode, stdout } = await port.run(['image', 'inspect', '--format', format, image], { signal });
    const [id = '', is] = stdout.trim().split(' ');
    return exitCode === 0 ? { id, is } : undefined;
  };
  let found = await inspect();
  if (found?.is !== platform) {
    // Pulled for another platform, it has taken the name from this one's.
    const only = foreign || found !== undefined ? platform : undefined;
    report({ type: 'step', text: `pulling the base image ${image}` });
    const flags = only === undefined ? [] : [`--platform=${only}`];
    const pulled = await pull([...flags, image], port, report, signal);
    if (pulled.exitCode !== 0) throw noBase(image, only, pulled.stderr);
    found = await inspect();
  }
  if (found?.is !== platform) throw noBase(image, platform, `it is for ${found?.is}`);
  return found.id;
}

/** What of a recipe decides which base image it is. */
export type BaseRecipe = Pick<Recipe, 'baseImage' | 'architecture' | 'foreign'>;

/** The base image can't be had, at all or for a platform. */
function noBase(image: string, platform: string | undefined, why: string): PaudeError {
  const message = `the base image ${image} can't be had${platform === undefined ? '' : ` for ${platform}`}: ${lastLines(why, 3)}`;
  return new PaudeError(platform === undefined ? 'IMAGE_MISSING' : 'IMAGE_PLATFORM', message, {
    hint: `name an image that can be had with --base-image, or see why: podman pull ${platform === undefined ? '' : `--platform=${platform} `}${image}`,
  });
}

/** A ready image that only a registry has, for sessions on Podman. Throws IMAGE_MISSING with Podman's words. */
export async function pullReady(
  image: string,
  port: ImagePort,
  report: (event: ImageEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  report({ type: 'step', text: `pulling the image ${image}` });
  const { exitCode, stderr } = await pull([image], port, report, signal);
  if (exitCode === 0) return;
  throw new PaudeError('IMAGE_MISSING', `the image ${image} can't be had: ${lastLines(stderr, 3)}`, {
    hint: `name another one, or see why: podman pull ${image}`,
  });
}

/**
 * Podman says nothing of a pull's bytes but to a terminal. It keeps the layers in its temporary folder until all have
 * come; a Podman elsewhere keeps them there.
 */
async function pull(
  args: readonly string[],
  port: ImagePort,
  report: (event: ImageEvent) => void,
  signal: AbortSignal,
) {
  const temporary = await mkdtemp(join(largeFolder(), 'git-paude-pull-'));
  const tell = async () => {
    const done = await sizeBelow(temporary);
    if (done > 0) report({ type: 'progress', done, unit: 'B' });
  };
  const timer = setInterval(() => void tell(), look);
  const onLine = (line: string) => report({ type: 'output', line });
  try {
    return await port.run(['pull', '--quiet', ...args], { signal, onLine, temporary });
  } finally {
    clearInterval(timer);
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Bytes; what goes meanwhile counts nothing. */
async function sizeBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = entries.map(async (path) => {
    const found = await stat(join(folder, path)).catch(() => undefined);
    return found?.isFile() ? found.size : 0;
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** Of what a program said, what matters. */
export function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
