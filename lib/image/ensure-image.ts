import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { interrupted, PaudeError } from '../errors.ts';
import { imageId, lastLines } from './base-image.ts';
import { buildProgress } from './build-progress.ts';
import { layersOf, type Layer, type Recipe } from './recipe.ts';

/** Runs Podman with an argument array. Throws BACKEND_MISSING where there is none. */
export interface ImagePort {
  run(
    args: readonly string[],
    options: {
      readonly signal: AbortSignal;
      readonly onLine?: (line: string) => void;
      /** A folder for what it needs only on the way. */
      readonly temporary?: string;
    },
  ): Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }>;
}

export type ImageEvent =
  | { readonly type: 'step'; readonly text: string }
  | { readonly type: 'output'; readonly line: string }
  | { readonly type: 'notice'; readonly text: string }
  | { readonly type: 'progress'; readonly done: number; readonly total?: number; readonly unit: 'B' };

/**
 * Gives the tag of a recipe's image, and builds what is missing of it. Throws IMAGE_MISSING where the base image
 * can't be had, IMAGE_BUILD_FAILED with the last lines of the step that failed.
 */
export async function ensureImage(
  recipe: Recipe,
  port: ImagePort,
  report: (event: ImageEvent) => void,
  signal: AbortSignal,
): Promise<string> {
  const baseId = await imageId(recipe, port, report, signal);
  return ensureLayers(await layersOf(recipe, baseId), port, report, signal);
}

/** Builds what is missing of an image, from the bottom up, and gives the tag of the whole. */
export async function ensureLayers(
  layers: readonly Layer[],
  port: ImagePort,
  report: (event: ImageEvent) => void,
  signal: AbortSignal,
): Promise<string> {
  const exists = async (tag: string) => (await port.run(['image', 'exists', tag], { signal })).exitCode === 0;
  let built = layers.length;
  while (built > 0 && !(await exists(layers[built - 1]!.tag))) built--;
  for (const layer of layers.slice(built)) await build(layer, port, report, signal);
  return layers.at(-1)!.tag;
}

async function build(
  layer: Layer,
  port: ImagePort,
  report: (event: ImageEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  report({
    type: 'step',
    text: `building ${layer.of ?? "the session's image with"} ${layer.what} (only once)`,
  });
  const context = await mkdtemp(join(tmpdir(), 'git-paude-image-'));
  try {
    await writeContext(context, layer);
    const output: string[] = [];
    const progress = buildProgress();
    const onLine = (line: string) => {
      output.push(line);
      report({ type: 'output', line });
      const moved = progress(line);
      if (moved !== undefined) report(moved);
    };
    const result = await port.run(buildArguments(layer, context), { signal, onLine });
    if (signal.aborted) throw interrupted();
    if (result.exitCode !== 0) throw notBuilt(layer, output.join('\n'));
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

function notBuilt({ of, what, platform }: Layer, output: string): PaudeError {
  const name = of === undefined ? "the session's image" : `${of} ${what}`;
  if (platform !== undefined && /exec format error/i.test(output)) {
    return new PaudeError(
      'IMAGE_PLATFORM',
      `${name} was not built: Podman can't run programs of ${platform} here`,
      {
        hint: 'have it emulate them: apt-get install qemu-user-static, or dnf install qemu-user-static; or name images that are built already: --image=REF --proxy-image=REF',
      },
    );
  }
  return new PaudeError('IMAGE_BUILD_FAILED', `${name} was not built:\n${lastLines(output, 20)}`, {
    hint: 'mend what the last lines say, and give the same command again; what was built is kept',
  });
}

async function writeContext(context: string, layer: Layer): Promise<void> {
  for (const { path, content, executable } of layer.files) {
    const target = join(context, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content, { mode: executable ? 0o755 : 0o644 });
  }
}

function buildArguments(layer: Layer, context: string): readonly string[] {
  const ours = 'AGENT_COMMAND' in layer.args;
  const args = Object.entries({ ...layer.args, ...(ours ? { BASE_IMAGE: layer.from } : {}) });
  return [
    'build',
    ...['--tag', layer.tag, '--label', 'app.kubernetes.io/managed-by=git-paude'],
    ...['--file', join(context, 'Containerfile'), '--pull=never', '--format', 'oci'],
    ...(ours ? [] : ['--from', layer.from]),
    ...(layer.platform === undefined ? [] : [`--platform=${layer.platform}`]),
    ...args.flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
    context,
  ];
}
