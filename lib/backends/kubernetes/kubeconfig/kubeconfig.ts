import { KubeconfigError } from './kubeconfig-error.ts';

/** The keys of a kubeconfig: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/ */
export interface Cluster {
  readonly server?: string;
  readonly 'certificate-authority'?: string;
  readonly 'certificate-authority-data'?: string;
  readonly 'insecure-skip-tls-verify'?: boolean;
  readonly 'tls-server-name'?: string;
  readonly 'proxy-url'?: string;
  readonly extensions?: readonly { readonly name: string; readonly extension?: unknown }[] | null;
}

export interface User {
  readonly 'client-certificate'?: string;
  readonly 'client-certificate-data'?: string;
  readonly 'client-key'?: string;
  readonly 'client-key-data'?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly username?: string;
  readonly password?: string;
  readonly as?: string;
  readonly 'as-uid'?: string;
  readonly 'as-groups'?: readonly string[];
  readonly 'as-user-extra'?: Readonly<Record<string, readonly string[]>>;
  readonly exec?: ExecPlugin;
  readonly 'auth-provider'?: { readonly name: string; readonly config?: Record<string, string> };
}

export interface ExecPlugin {
  readonly command: string;
  readonly args?: readonly string[] | null;
  readonly env?: readonly { readonly name: string; readonly value: string }[] | null;
  readonly apiVersion?: string;
  readonly installHint?: string;
  readonly provideClusterInfo?: boolean;
  readonly interactiveMode?: 'Never' | 'IfAvailable' | 'Always';
}

export interface Context {
  readonly cluster?: string;
  readonly user?: string;
  readonly namespace?: string;
}

/** All files together. */
export interface Kubeconfig {
  currentContext: string | undefined;
  readonly clusters: Record<string, Cluster>;
  readonly users: Record<string, User>;
  readonly contexts: Record<string, Context>;
  /** It is of no file: its one context is made of a pod's own credentials, and no other program knows it. */
  readonly inCluster?: boolean;
}

/** What one context points to. */
export interface Target {
  readonly context: string;
  /** The context is of no file. */
  readonly inCluster: boolean;
  readonly namespace: string | undefined;
  readonly server: URL;
  readonly cluster: Cluster;
  readonly user: User;
  readonly userName: string;
}

/** The context of this name, or the current one. Throws KubeconfigError. */
export function targetOf(config: Kubeconfig, name: string | undefined): Target {
  const contexts = Object.keys(config.contexts);
  const wanted = name ?? config.currentContext;
  if (!wanted) throw new KubeconfigError('missing', 'the kubeconfig has no current context', { contexts });
  const context = Object.hasOwn(config.contexts, wanted) ? config.contexts[wanted] : undefined;
  if (context === undefined) {
    throw new KubeconfigError('unknown-context', `the kubeconfig has no context ${wanted}`, { contexts });
  }
  const cluster = context.cluster === undefined ? undefined : config.clusters[context.cluster];
  if (!cluster?.server) {
    throw new KubeconfigError('invalid', `the context ${wanted} names no cluster with a server`);
  }
  // A context without a user is one without credentials; a user that is not there is a fault.
  const user = context.user ? config.users[context.user] : {};
  if (user === undefined) {
    throw new KubeconfigError(
      'invalid',
      `the context ${wanted} names the user ${context.user}, who is not there`,
    );
  }
  const address = /^[a-z]+:\/\//i.test(cluster.server) ? cluster.server : `https://${cluster.server}`;
  if (!URL.canParse(address)) {
    throw new KubeconfigError(
      'invalid',
      `the server of the context ${wanted} is not an address: ${cluster.server}`,
    );
  }
  return {
    context: wanted,
    inCluster: config.inCluster === true,
    namespace: context.namespace || undefined,
    server: new URL(address),
    cluster,
    user,
    userName: context.user ?? '',
  };
}
