import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { interrupted } from '../../../errors.ts';
import { KubeconfigError } from './kubeconfig-error.ts';
import type { Cluster, ExecPlugin, Target } from './kubeconfig.ts';

/** What a plugin gave: https://kubernetes.io/docs/reference/config-api/client-authentication.v1/ */
export interface ExecCredential {
  readonly token?: string;
  readonly clientCertificateData?: string;
  readonly clientKeyData?: string;
  readonly expirationTimestamp?: string;
}

export interface PluginOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Somebody is at the terminal, and may be asked. */
  readonly interactive: boolean;
}

/**
 * Runs the program that gives the credentials. Without anybody at the terminal it gets no stdin (ours may be
 * git's) and is told so, and a plugin that always needs one is not run. Throws KubeconfigError, INTERRUPTED.
 */
export async function runPlugin(
  plugin: ExecPlugin,
  target: Target,
  { env, interactive }: PluginOptions,
  signal: AbortSignal | undefined,
): Promise<ExecCredential> {
  if (plugin.interactiveMode === 'Always' && !interactive) {
    throw new KubeconfigError(
      'plugin',
      `${plugin.command} gives the credentials of ${target.context} only when it is run on a terminal`,
    );
  }
  const asks = interactive && plugin.interactiveMode !== 'Never';
  const info = JSON.stringify(await execInfo(plugin, target, asks));
  const { code, stdout, stderr } = await new Promise<PluginEnd>((resolve, reject) => {
    if (signal?.aborted) return reject(interrupted());
    const child = spawn(plugin.command, plugin.args ?? [], {
      env: {
        ...env,
        ...Object.fromEntries((plugin.env ?? []).map(({ name, value }) => [name, value])),
        KUBERNETES_EXEC_INFO: info,
      },
      stdio: [asks ? 'inherit' : 'ignore', 'pipe', asks ? 'inherit' : 'pipe'],
      ...(signal && { signal }),
    });
    const out: Buffer[] = [];
    const complaint: Buffer[] = [];
    child.stdout!.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => complaint.push(chunk));
    child.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.name === 'AbortError' ? interrupted() : failed(plugin, error.message, error));
    });
    child.once('close', (ended, by) =>
      resolve({
        code: ended ?? by ?? -1,
        stdout: Buffer.concat(out).toString('utf8'),
        stderr: Buffer.concat(complaint).toString('utf8').trim(),
      }),
    );
  });
  if (code !== 0) throw failed(plugin, stderr || `it ended with ${code}`);
  try {
    const { status } = JSON.parse(stdout) as { status?: ExecCredential };
    if (status?.token || status?.clientCertificateData) return status;
  } catch {
    // What a parser says of it quotes it, and it may be a token.
    throw failed(plugin, 'it did not write JSON');
  }
  throw failed(plugin, 'it gave neither a token nor a certificate');
}

interface PluginEnd {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where a kubeconfig has what is for the plugin of a cluster: https://kubernetes.io/docs/reference/access-authn-authz/authentication/ */
const ownExtension = 'client.authentication.k8s.io/exec';

async function execInfo(
  plugin: ExecPlugin,
  { cluster, server }: Target,
  interactive: boolean,
): Promise<object> {
  const spec = {
    interactive,
    ...(plugin.provideClusterInfo && { cluster: await described(cluster, server) }),
  };
  return { apiVersion: plugin.apiVersion ?? 'client.authentication.k8s.io/v1', kind: 'ExecCredential', spec };
}

async function described(cluster: Cluster, server: URL): Promise<object> {
  const file = cluster['certificate-authority'];
  const fromFile = async () => file && (await readFile(file)).toString('base64');
  return {
    server: server.href.replace(/\/$/, ''),
    'tls-server-name': cluster['tls-server-name'],
    'insecure-skip-tls-verify': cluster['insecure-skip-tls-verify'],
    'certificate-authority-data': cluster['certificate-authority-data'] || (await fromFile()),
    'proxy-url': cluster['proxy-url'],
    config: cluster.extensions?.find(({ name }) => name === ownExtension)?.extension,
  };
}

function failed(plugin: ExecPlugin, why: string, cause?: unknown): KubeconfigError {
  const hint = plugin.installHint ? `\n${plugin.installHint.trim()}` : '';
  return new KubeconfigError('plugin', `${plugin.command} gave no credentials: ${why}${hint}`, { cause });
}
