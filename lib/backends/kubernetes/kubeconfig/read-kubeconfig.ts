import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { isIPv6 } from 'node:net';
import { load, type YAMLException } from 'js-yaml';
import { KubeconfigError } from './kubeconfig-error.ts';
import type { Cluster, Kubeconfig, User } from './kubeconfig.ts';

/** Where a pod finds its own credentials: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/ */
const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The user's kubeconfig as kubectl puts it together: of several files the first that has an entry wins, files that
 * are not there are passed over, and paths in a file are relative to it. Without any, a pod's own credentials.
 * Throws KubeconfigError.
 */
export async function readKubeconfig(env: NodeJS.ProcessEnv): Promise<Kubeconfig> {
  const named = (env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  const files = named.length > 0 ? named : [join(env['HOME'] ?? homedir(), '.kube', 'config')];
  const found = (await Promise.all(files.map(readOne))).filter((config) => config !== undefined);
  if (found.length === 0) {
    const own = named.length === 0 ? await inCluster(env) : undefined;
    if (own !== undefined) return own;
    throw new KubeconfigError('missing', `there is no kubeconfig: ${files.join(', ')}`);
  }
  const merged: Kubeconfig = { currentContext: undefined, clusters: {}, users: {}, contexts: {} };
  for (const config of found.reverse()) {
    Object.assign(merged.clusters, config.clusters);
    Object.assign(merged.users, config.users);
    Object.assign(merged.contexts, config.contexts);
    if (config.currentContext) merged.currentContext = config.currentContext;
  }
  return merged;
}

async function readOne(file: string): Promise<Kubeconfig | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new KubeconfigError('invalid', `${file} can't be read: ${error.message}`, { cause: error });
  });
  if (text === undefined) return undefined;
  let document;
  try {
    document = (load(text) ?? {}) as Document;
  } catch (error) {
    // Only where it is: what a parser says of it quotes the lines around, and tokens stand there.
    const { mark } = error as Partial<YAMLException>;
    const place = mark === undefined ? '' : `, line ${mark.line + 1}`;
    throw new KubeconfigError('invalid', `${file} is not YAML${place}`);
  }
  if (typeof document !== 'object') throw new KubeconfigError('invalid', `${file} is not a kubeconfig`);
  const folder = dirname(resolve(file));
  return {
    currentContext: document['current-context'],
    clusters: byName(document.clusters, 'cluster', (cluster: Cluster) => absolute(folder, cluster)),
    users: byName(document.users, 'user', (user: User) => absoluteUser(folder, user)),
    contexts: byName(document.contexts, 'context', (context) => context),
  };

  function byName<T extends object, K extends string>(
    list: readonly ({ name: string } & Partial<Record<K, T | null>>)[] | null | undefined,
    key: K,
    convert: (entry: T) => T,
  ): Record<string, T> {
    if (!Array.isArray(list ?? [])) throw new KubeconfigError('invalid', `${file}: ${key}s is not a list`);
    // Of two with one name in a file, the first wins too.
    return Object.fromEntries(
      [...(list ?? [])].reverse().map((entry) => [entry.name, convert((entry[key] ?? {}) as T)]),
    );
  }
}

interface Document {
  readonly 'current-context'?: string;
  readonly clusters?: { name: string; cluster?: Cluster | null }[] | null;
  readonly users?: { name: string; user?: User | null }[] | null;
  readonly contexts?: { name: string; context?: Kubeconfig['contexts'][string] | null }[] | null;
}

const pathKeys = ['certificate-authority', 'client-certificate', 'client-key', 'tokenFile'];

function absolute<T extends object>(folder: string, entry: T): T {
  return Object.fromEntries(
    Object.entries(entry).map(([key, value]) => [
      key,
      pathKeys.includes(key) && typeof value === 'string' && value !== '' ? resolve(folder, value) : value,
    ]),
  ) as T;
}

function absoluteUser(folder: string, user: User): User {
  const exec = user.exec;
  // A plugin with a slash in its name is relative to the file; one without is looked up on the PATH.
  const isPath = exec?.command !== undefined && /[/\\]/.test(exec.command);
  return absolute(
    folder,
    isPath ? { ...user, exec: { ...exec, command: resolve(folder, exec.command) } } : user,
  );
}

async function inCluster(env: NodeJS.ProcessEnv): Promise<Kubeconfig | undefined> {
  const host = env['KUBERNETES_SERVICE_HOST'];
  const namespace = await readFile(join(serviceAccount, 'namespace'), 'utf8').catch(() => undefined);
  if (!host || namespace === undefined) return undefined;
  const name = 'in-cluster';
  const address = `${isIPv6(host) ? `[${host}]` : host}:${env['KUBERNETES_SERVICE_PORT'] ?? '443'}`;
  return {
    currentContext: name,
    inCluster: true,
    clusters: {
      [name]: { server: `https://${address}`, 'certificate-authority': join(serviceAccount, 'ca.crt') },
    },
    users: { [name]: { tokenFile: join(serviceAccount, 'token') } },
    contexts: { [name]: { cluster: name, user: name, namespace: namespace.trim() } },
  };
}
