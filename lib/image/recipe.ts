import { createHash } from 'node:crypto';
import type { Agent, Architecture } from '../agents/agent.ts';
import { agentFiles } from './agent-files.ts';
import { authorityFiles, filesBelow, imageFiles, type ImageFile } from './image-files.ts';

/** What decides a session's image. */
export interface Recipe {
  readonly agent: Agent;
  /** The agent's version, where it is not the pinned one. */
  readonly agentVersion?: string;
  readonly baseImage?: string;
  /** Certificates of further authorities, in PEM. */
  readonly certificates?: string;
  /** Debian packages to add. */
  readonly packages: readonly string[];
  /** The text of a Containerfile to build on top. */
  readonly containerfile?: string;
  readonly architecture: Architecture;
  /** The architecture is not this machine's: Podman must be told, and emulates it if it can. */
  readonly foreign?: boolean;
}

export const defaultBaseImage = 'docker.io/library/debian:13-slim';

/** npm itself: a version that runs on the Node of Debian 12 and 13. */
const npm = {
  version: '10.9.4',
  integrity:
    'sha512-OnUG836FwboQIbqtefDNlyR0gTHzIfwRfE3DuiNewBvnMnWEpB0VEXwBlFVgqpNzIgYo/MHh3d2Hel/pszapAA==',
};

/** One `podman build`: the files of its context, its arguments, and the tag that follows from both. */
export interface Layer {
  readonly tag: string;
  readonly what: string;
  /** Whose image it is, where it is not the session's. */
  readonly of?: string;
  /** The image that it is built on: an argument of ours, or in place of the user's first FROM. */
  readonly from: string;
  readonly files: readonly ImageFile[];
  readonly args: Readonly<Record<string, string>>;
  /** Where it is not the machine's own: `linux/arm64`. */
  readonly platform?: string;
}

/** The layers of a recipe from the bottom up; `baseId` is the content of the base image. */
export async function layersOf(recipe: Recipe, baseId: string): Promise<readonly Layer[]> {
  const layers = [await sessionLayer(recipe, baseId)];
  const add = (what: string, containerfile: string) => {
    const from = layers.at(-1)!.tag;
    const files = [{ path: 'Containerfile', content: containerfile, executable: false }];
    layers.push({ tag: tagOf(from, files, {}), what, from, files, args: {} });
  };
  if (recipe.packages.length > 0)
    add(`the packages ${recipe.packages.join(', ')}`, packagesFile(recipe.packages));
  if (recipe.containerfile !== undefined) add("the repository's containerfile", recipe.containerfile);
  return recipe.foreign === true
    ? layers.map((layer) => ({ ...layer, platform: `linux/${recipe.architecture}` }))
    : layers;
}

async function sessionLayer(recipe: Recipe, baseId: string): Promise<Layer> {
  const { agent } = recipe;
  const carried = (await filesBelow(imageFiles)).map((file) => ({ ...file, path: contextPath(file.path) }));
  const files: ImageFile[] = [
    ...carried.map((file) => (file.path === 'session/gitconfig' ? withIdentity(file, agent) : file)),
    ...agentFiles(agent),
    ...authorityFiles(recipe.certificates),
  ];
  const agentPackage = agent.packages[recipe.architecture];
  const pinned = recipe.agentVersion === undefined || recipe.agentVersion === agent.version;
  const args = {
    AGENT_COMMAND: agent.command,
    AGENT_INTEGRITY: pinned ? agentPackage.integrity : '',
    AGENT_PACKAGE: agentPackage.name,
    AGENT_VERSION: recipe.agentVersion ?? agent.version,
    NPM_INTEGRITY: npm.integrity,
    NPM_VERSION: npm.version,
  };
  const what = `${agent.name} ${args.AGENT_VERSION}`;
  return { tag: tagOf(baseId, files, args), what, from: recipe.baseImage ?? defaultBaseImage, files, args };
}

/** Beside the Containerfile stands what only the build needs; the rest goes into the session. */
function contextPath(path: string): string {
  return path === 'Containerfile' || path === 'fetch-package' ? path : `session/${path}`;
}

function withIdentity(file: ImageFile, agent: Agent): ImageFile {
  const { name, email } = agent.identity;
  return { ...file, content: file.content.replace('@AGENT_NAME@', name).replace('@AGENT_EMAIL@', email) };
}

function packagesFile(packages: readonly string[]): string {
  return [
    'FROM session',
    'USER root',
    `RUN apt-get update -qq && apt-get install -y -q --no-install-recommends ${packages.join(' ')} \\`,
    ' && rm -rf /var/lib/apt/lists/*',
    'USER 1000:0',
    '',
  ].join('\n');
}

/** A tag that is the same exactly when everything that goes into the image is. */
export function tagOf(
  from: string,
  files: readonly ImageFile[],
  args: Readonly<Record<string, string>>,
  name = 'paude-session',
): string {
  const hash = createHash('sha256').update(JSON.stringify([from, files, args]));
  return `localhost/${name}:${hash.digest('hex').slice(0, 20)}`;
}
