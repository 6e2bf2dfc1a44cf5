import { PaudeError } from '../errors.ts';
import type { ImagePort } from './ensure-image.ts';
import type { ImageConfig } from './registry.ts';

/** Which of a session's two images one is meant to be. */
export type ImageKind = 'session' | 'proxy';

/** What was found out about an image. */
export interface Fitness {
  readonly kind: ImageKind;
  /** What it lacks, one phrase each. */
  readonly missing: readonly string[];
}

/** What a session needs of its images, each with what is said where it is missing. */
const needs = {
  session: {
    programs: ['bash', 'git', 'tmux', 'tini', 'setsid', 'tar', 'node'],
    folders: ['/pvc', '/home/paude', '/run/paude', '/credentials'],
    files: ['paude-session', 'entrypoint', 'agent'].map((name) => `/usr/libexec/paude/${name}`),
    entrypoint: '/usr/libexec/paude/entrypoint',
    variables: ['HOME', 'PAUDE_VOLUME', 'PAUDE_RUN', 'PAUDE_FILES'],
  },
  proxy: {
    programs: ['paude-proxy', 'squid', 'perl', 'openssl', 'sha256sum'],
    folders: ['/run/proxy'],
    files: ['start', 'door', 'same-name'].map((name) => `/usr/libexec/paude-proxy/${name}`),
    entrypoint: '/usr/libexec/paude-proxy/start',
    variables: [],
  },
} as const;

const words: Readonly<Record<ImageKind, string>> = { session: 'a session', proxy: "a session's proxy" };

/** For sentences: whose needs are meant. */
export function whose(kind: ImageKind): string {
  return words[kind];
}

/** Looks from inside, as a user that is only in group 0; after its first line, each one is something that is missing. */
const script = `
look() {
  for one in $1; do command -v "$one" >/dev/null 2>&1 || echo "the program $one"; done
  for one in $2; do [ -e "$one" ] || echo "$one"; done
  for one in $3; do [ -d "$one" ] && [ -w "$one" ] || echo "the folder $one, writable for the group 0"; done
}
if [ -e ${needs.proxy.entrypoint} ]; then
  echo proxy
  ${look('proxy')}
else
  echo session
  ${look('session')}
fi
`;

function look(kind: ImageKind): string {
  const { programs, files, folders } = needs[kind];
  return `look "${programs.join(' ')}" "${files.join(' ')}" "${folders.join(' ')}"`;
}

/** What is missing in an image that Podman has or can pull. Throws IMAGE_MISSING. */
export async function missingInside(ref: string, port: ImagePort, signal: AbortSignal): Promise<Fitness> {
  const args = ['run', '--rm', '--network=none', '--user=4711:0', '--entrypoint=/bin/sh', ref, '-c', script];
  const { exitCode, stdout, stderr } = await port.run(args, { signal });
  if (exitCode === 0) {
    const [kind, ...missing] = stdout.split('\n').filter((line) => line !== '');
    return { kind: kind === 'proxy' ? kind : 'session', missing };
  }
  // Podman's own codes: it could not run it, or there is no such program in it (podman-run(1), "Exit Status").
  if (exitCode === 126 || exitCode === 127) return { kind: 'session', missing: ['the program /bin/sh'] };
  throw new PaudeError(
    'IMAGE_MISSING',
    `${ref} can't be looked into: ${stderr.trim().replace(/^Error: /, '')}`,
    {
      hint: `podman pull ${ref}`,
    },
  );
}

/** What an image's configuration shows it to be. */
export function kindOf({ config }: ImageConfig): ImageKind {
  return config?.Entrypoint?.includes(needs.proxy.entrypoint) ? 'proxy' : 'session';
}

/**
 * What is missing as far as an image's configuration tells, for where nothing can be run. The platforms are those of the
 * machines that are to run it, `linux/amd64`; undefined where that is no question.
 */
export function missingOutside(
  { os, architecture, config }: ImageConfig,
  platforms: readonly string[] | undefined,
  kind: ImageKind,
): readonly string[] {
  const missing: string[] = [];
  const { entrypoint, variables } = needs[kind];
  if (!config?.Entrypoint?.includes(entrypoint))
    missing.push(
      "the entrypoint of git-paude's image (build yours on top of what git paude image build gives)",
    );
  const known = new Set(config?.Env?.map((line) => line.split('=')[0]));
  for (const name of variables) if (!known.has(name)) missing.push(`the variable ${name}`);
  const is = `${os}/${architecture}`;
  if (platforms !== undefined && !platforms.includes(is))
    missing.push(`the nodes' platform, ${platforms.join(' or ')} (--platform says another): it is for ${is}`);
  return missing;
}

/** The error for an image that lacks something. */
export function unfit(ref: string, { kind, missing }: Fitness): PaudeError {
  return new PaudeError(
    'IMAGE_UNFIT',
    `the image ${ref} lacks what ${whose(kind)} needs: ${missing.join(', ')}`,
    {
      hint: 'build it on top of the image that git paude image build gives',
    },
  );
}
