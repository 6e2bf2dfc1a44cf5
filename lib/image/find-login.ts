import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PaudeError } from '../errors.ts';
import type { Login } from './registry-auth.ts';

/** What it takes to find the logins that Podman and Docker keep. */
export interface LoginSources {
  /** The files in which to look, the first one that knows the registry counts. */
  readonly files: readonly string[];
  /** Runs `docker-credential-NAME get` with the registry on its standard input. Undefined where it has none. */
  askHelper(name: string, registry: string, signal: AbortSignal): Promise<string | undefined>;
}

/** A login, and the registry or part of it that it was kept for: `quay.io`, `quay.io/me`. */
export interface FoundLogin {
  readonly login: Login;
  readonly key: string;
}

/** containers-auth.json(5), "FORMAT", and Docker's `config.json`, which is the same but for the paths in its keys. */
interface AuthFile {
  readonly auths?: Readonly<Record<string, { readonly auth?: string; readonly identitytoken?: string }>>;
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly credsStore?: string;
}

const dockerHub = 'https://index.docker.io/v1/';

/** Where logins are kept, in the order of podman-login(1) and containers-auth.json(5). */
export function loginFiles(env: NodeJS.ProcessEnv, home: string, uid: number): readonly string[] {
  const given = env['REGISTRY_AUTH_FILE'];
  if (given) return [given];
  const runtime = env['XDG_RUNTIME_DIR'] || (uid === 0 ? '/run' : undefined);
  const containers = 'containers/auth.json';
  return [
    ...(runtime === undefined ? [] : [join(runtime, containers)]),
    join('/run/containers', String(uid), 'auth.json'),
    join(env['XDG_CONFIG_HOME'] || join(home, '.config'), containers),
    join(env['DOCKER_CONFIG'] || join(home, '.docker'), 'config.json'),
  ];
}

/** The login for a repository. Throws CONFIG_INVALID for a file that can't be read, or a helper that fails. */
export async function findLogin(
  host: string,
  name: string,
  sources: LoginSources,
  signal: AbortSignal,
): Promise<FoundLogin | undefined> {
  for (const path of sources.files) {
    const file = await readAuthFile(path);
    if (file === undefined) continue;
    for (const key of keysOf(host, name)) {
      const helper = file.credHelpers?.[key];
      const found =
        helper === undefined ? entryOf(file, key) : await fromHelper(helper, key, sources, signal);
      if (found !== undefined) return { login: found, key: key === dockerHub ? 'docker.io' : plain(key) };
    }
    if (file.credsStore === undefined) continue;
    const key = host === 'docker.io' ? dockerHub : host;
    const found = await fromHelper(file.credsStore, key, sources, signal);
    if (found !== undefined) return { login: found, key: host };
  }
  return undefined;
}

/** The keys under which a login may be kept, the nearest first. */
function keysOf(host: string, name: string): readonly string[] {
  const parts = name.split('/').filter((part) => part !== '');
  const paths = parts.map((_, index) => `${host}/${parts.slice(0, parts.length - index).join('/')}`);
  const whole =
    host === 'docker.io'
      ? [host, dockerHub, 'index.docker.io']
      : [host, `https://${host}`, `https://${host}/v1/`, `https://${host}/v2/`];
  return [...paths, ...whole];
}

function plain(key: string): string {
  return key.replace(/^https:\/\//, '').replace(/\/v[12]\/$/, '');
}

function entryOf({ auths }: AuthFile, key: string): Login | undefined {
  const entry = auths?.[key];
  if (entry === undefined) return undefined;
  if (entry.identitytoken) return { kind: 'identity', token: entry.identitytoken };
  // A file of a credential store has entries that are empty.
  if (!entry.auth) return undefined;
  const [, username = '', password = ''] =
    /^([^:]*):(.*)$/s.exec(Buffer.from(entry.auth, 'base64').toString('utf8')) ?? [];
  return { kind: 'password', username, password: password.replace(/\0+$/, '') };
}

/** Docker's protocol of credential helpers: JSON with Username and Secret; the user `<token>` has an identity. */
async function fromHelper(
  helper: string,
  key: string,
  { askHelper }: LoginSources,
  signal: AbortSignal,
): Promise<Login | undefined> {
  const said = await askHelper(helper, key, signal);
  if (said === undefined) return undefined;
  const { Username: username = '', Secret: secret = '' } = parsed(said, `docker-credential-${helper}`) as {
    Username?: string;
    Secret?: string;
  };
  if (secret === '') return undefined;
  return username === '<token>'
    ? { kind: 'identity', token: secret }
    : { kind: 'password', username, password: secret };
}

async function readAuthFile(path: string): Promise<AuthFile | undefined> {
  try {
    return parsed(await readFile(path, 'utf8'), path) as AuthFile;
  } catch (error) {
    if (error instanceof PaudeError) throw error;
    // What is not there, or belongs to another user, holds no login of ours.
    return undefined;
  }
}

function parsed(text: string, where: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // What it said may be a secret: it is not shown.
  }
  throw new PaudeError('CONFIG_INVALID', `${where} does not hold JSON`, { hint: 'podman login REGISTRY' });
}
