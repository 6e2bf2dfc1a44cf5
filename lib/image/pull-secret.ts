import { isPaudeError, PaudeError } from '../errors.ts';
import type { FoundLogin } from './find-login.ts';
import { repository } from './registry.ts';
import type { Reference } from './registry-name.ts';
import type { RegistryWire } from './registry-wire.ts';

/** What nodes log in to a registry, or to a part of it, with. */
export interface RegistryEntry {
  readonly registry: string;
  readonly username: string;
  readonly password: string;
}

/** An image that its registry gives only to who is logged in, and the user's own login there. */
export interface Guarded {
  readonly reference: Reference;
  readonly found: FoundLogin;
}

/** Whether a registry gives an image only to who is logged in. Throws REGISTRY_… where it does not tell. */
export async function needsLogin(
  { name, version }: Pick<Reference, 'name' | 'version'>,
  wire: RegistryWire,
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

/**
 * The logins that the nodes may have, each once: all of them where the user has said so beforehand (`auto`), else what
 * a person says to each; `agree` gives undefined where there is nobody to ask. Throws PULL_SECRET_NEEDED then, and for
 * a login that is of no use to nodes.
 */
export async function nodeLogins(
  guarded: readonly Guarded[],
  auto: boolean,
  agree: (question: string, host: string) => Promise<boolean | undefined>,
): Promise<readonly RegistryEntry[]> {
  const entries: RegistryEntry[] = [];
  for (const key of new Set(guarded.map(({ found }) => found.key))) {
    const its = guarded.filter(({ found }) => found.key === key);
    const [{ reference, found }] = its as [Guarded];
    if (!auto) {
      const into =
        entries.length === 0
          ? ', and no other, into a secret of the namespace, for'
          : ' into the same secret of';
      const question = `${reference.host} gives ${namesOf(its)} only to who is logged in. Put your login for ${key}${into} this session?`;
      const agreed = await agree(question, reference.host);
      if (agreed === undefined) throw secretNeeded(guarded);
      if (!agreed) continue;
    }
    entries.push(entryOf(found));
  }
  return entries;
}

function entryOf({ key, login }: FoundLogin): RegistryEntry {
  if (login.kind === 'password') return { registry: key, username: login.username, password: login.password };
  throw new PaudeError('PULL_SECRET_NEEDED', `your login for ${key} is a token that nodes can't use`, {
    hint: `podman login ${key}, or name a secret of the namespace: --pull-secret=NAME`,
  });
}

function namesOf(guarded: readonly Guarded[]): string {
  return guarded.map(({ reference }) => reference.name).join(' and ');
}

function secretNeeded(guarded: readonly Guarded[]): PaudeError {
  const hosts = [...new Set(guarded.map(({ reference }) => reference.host))];
  const said = hosts.map((host) => {
    return `${host} gives ${namesOf(guarded.filter(({ reference }) => reference.host === host))}`;
  });
  const [only, ...others] = hosts;
  const make =
    others.length === 0
      ? `kubectl create secret docker-registry NAME --docker-server=${only} --docker-username=USER --docker-password=… and --pull-secret=NAME`
      : `--pull-secret=NAME names a secret that has the logins for ${hosts.join(' and ')}`;
  return new PaudeError(
    'PULL_SECRET_NEEDED',
    `${said.join(', and ')} only to who is logged in, and nobody can be asked whether the nodes may have your login`,
    {
      hint: `the same command with --pull-secret=auto makes a secret of your login there; --pull-secret=none makes none; or ${make} (git config paude.pullSecret auto, for git push)`,
    },
  );
}
