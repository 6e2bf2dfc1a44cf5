import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { interrupted, PaudeError } from '../errors.ts';
import { defaultBaseImage, layersOf, type Layer, type Recipe } from './recipe.ts';

/** Runs Podman with an argument array. Throws BACKEND_MISSING where there is none. */
export interface ImagePort {
  run(
    args: readonly string[],
    options: { readonly signal: AbortSignal; readonly onLine?: (line: string) => void },
  ): Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }>;
}

export type ImageEvent =
  { readonly type: 'step'; readonly text: string } | { readonly type: 'output'; readonly line: string };

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
  const baseId = await imageId(recipe.baseImage ?? defaultBaseImage, port, report, signal);
  const layers = await layersOf(recipe, baseId);
  const exists = async (tag: string) => (await port.run(['image', 'exists', tag], { signal })).exitCode === 0;
  let built = layers.length;
  while (built > 0 && !(await exists(layers[built - 1]!.tag))) built--;
  for (const layer of layers.slice(built)) await build(layer, port, report, signal);
  return layers.at(-1)!.tag;
}

/** The content of an image, pulled when it is not here. */
async function imageId(
  image: string,
  port: ImagePort,
  report: (event: ImageEvent) => void,
  signal: AbortSignal,
): Promise<string> {
  const inspect = () => port.run(['image', 'inspect', '--format', '{{.Id}}', image], { signal });
  let found = await inspect();
  if (found.exitCode !== 0) {
    report({ type: 'step', text: `pulling the base image ${image}` });
    const onLine = (line: string) => report({ type: 'output', line });
    const pulled = await port.run(['pull', '--quiet', image], { signal, onLine });
    if (pulled.exitCode !== 0) {
      throw new PaudeError(
        'IMAGE_MISSING',
        `the base image ${image} can't be pulled: ${lastLines(pulled.stderr, 3)}`,
        {
          hint: 'name an image that can be had with --base-image, or see why: podman pull ' + image,
        },
      );
    }
    found = await inspect();
  }
  return found.stdout.trim();
}

async function build(
  layer: Layer,
  port: ImagePort,
  report: (event: ImageEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  report({ type: 'step', text: `building the session's image with ${layer.what} (only once)` });
  const context = await mkdtemp(join(tmpdir(), 'git-paude-image-'));
  try {
    await writeContext(context, layer);
    const output: string[] = [];
    const onLine = (line: string) => {
      output.push(line);
      report({ type: 'output', line });
    };
    const result = await port.run(buildArguments(layer, context), { signal, onLine });
    if (signal.aborted) throw interrupted();
    if (result.exitCode !== 0) {
      throw new PaudeError(
        'IMAGE_BUILD_FAILED',
        `the session's image was not built:\n${lastLines(output.join('\n'), 20)}`,
        {
          hint: 'mend what the last lines say, and give the same command again; what was built is kept',
        },
      );
    }
  } finally {
    await rm(context, { recursive: true, force: true });
  }
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
    ...args.flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
    context,
  ];
}

function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
