import { isPaudeError, PaudeError } from '../errors.ts';
import type { FoundLogin } from './find-login.ts';
import { repository } from './registry.ts';
import type { Reference } from './registry-name.ts';
import type { RegistryWire } from './registry-wire.ts';

/** What nodes log in to a registry with: a secret that is there, or what one is made of. */
export type NodeLogin =
  | { readonly name: string }
  | { readonly registry: string; readonly username: string; readonly password: string };

export interface NodeLoginPorts {
  readonly wire: RegistryWire;
  /** The user's own login there. */
  readonly found: FoundLogin | undefined;
  /** Asks a person; undefined where there is nobody to ask. */
  agree(question: string): Promise<boolean | undefined>;
}

/**
 * What the nodes need to pull an image, by the setting `pull-secret`: `none`, `auto`, a secret's name, or what a person
 * says. Nothing is needed of a registry that gives to everybody. Throws PULL_SECRET_NEEDED where nobody can be asked.
 */
export async function nodeLogin(
  { host, name, version }: Reference,
  setting: string | undefined,
  { wire, found, agree }: NodeLoginPorts,
  signal: AbortSignal,
): Promise<NodeLogin | undefined> {
  if (setting === 'none') return undefined;
  if (setting !== undefined && setting !== 'auto') return { name: setting };
  // Without a login there is nothing that a secret could be made of; a pull that fails says so itself.
  if (found === undefined || !(await needsLogin(wire, name, version, signal))) return undefined;
  const kept = found.key;
  if (setting === undefined) {
    const agreed = await agree(
      `${host} gives ${name} only to who is logged in. Put your login for ${kept}, and no other, into a secret of the namespace, for this session?`,
    );
    if (agreed === undefined) throw secretNeeded(host, name);
    if (!agreed) return undefined;
  }
  const { login } = found;
  if (login.kind === 'password')
    return { registry: kept, username: login.username, password: login.password };
  throw new PaudeError('PULL_SECRET_NEEDED', `your login for ${kept} is a token that nodes can't use`, {
    hint: `podman login ${kept}, or name a secret of the namespace: --pull-secret=NAME`,
  });
}

async function needsLogin(
  wire: RegistryWire,
  name: string,
  version: string,
  signal: AbortSignal,
): Promise<boolean> {
  const anonymous = repository(wire, name, { login: async () => undefined });
  try {
    return (await anonymous.manifest(version, signal)) === undefined;
  } catch (error) {
    if (isPaudeError(error, 'REGISTRY_LOGIN') || isPaudeError(error, 'REGISTRY_REFUSED')) return true;
    throw error;
  }
}

function secretNeeded(host: string, name: string): PaudeError {
  return new PaudeError(
    'PULL_SECRET_NEEDED',
    `${host} gives ${name} only to who is logged in, and nobody can be asked whether the nodes may have your login`,
    {
      hint: `the same command with --pull-secret=auto makes a secret of your login there; --pull-secret=none makes none; or kubectl create secret docker-registry NAME --docker-server=${host} --docker-username=USER --docker-password=… and --pull-secret=NAME (git config paude.pullSecret auto, for git push)`,
    },
  );
}
