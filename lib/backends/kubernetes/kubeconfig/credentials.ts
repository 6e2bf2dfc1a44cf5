import { readFile } from 'node:fs/promises';
import type { OutgoingHttpHeaders } from 'node:http';
import { isPaudeError } from '../../../errors.ts';
import { runPlugin, type ExecCredential, type PluginOptions } from './exec-plugin.ts';
import { KubeconfigError } from './kubeconfig-error.ts';
import type { ExecPlugin, Target } from './kubeconfig.ts';

/** What a request needs to be who the user is. */
export interface Identity {
  readonly headers: OutgoingHttpHeaders;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
}

export interface Credentials {
  /** Read anew where it may have changed: a token's file, a plugin's token that has expired. */
  current(signal: AbortSignal | undefined): Promise<Identity>;
  /** Those of these headers were refused. True if others can be had. */
  refused(headers: OutgoingHttpHeaders): boolean;
}

/** The credentials that a context names. Throws KubeconfigError when they are asked for. */
export function credentialsOf(target: Target, options: PluginOptions): Credentials {
  const { user } = target;
  const impersonation = impersonate(target);
  let given: Promise<ExecCredential> | undefined;
  /** What came of that. */
  let held: ExecCredential | undefined;
  let validUntil = Infinity;
  /** What each request has got of it, by its headers. */
  const sources = new WeakMap<OutgoingHttpHeaders, ExecCredential>();
  let oidc: Promise<OidcTokens> | undefined;
  let files: Promise<readonly [Buffer | undefined, Buffer | undefined]> | undefined;

  /** Of several requests at once, one asks. */
  function fromPlugin(plugin: ExecPlugin, signal: AbortSignal | undefined): Promise<ExecCredential> {
    if (given !== undefined && Date.now() < validUntil) return given;
    [validUntil, held] = [Infinity, undefined];
    const asking = runPlugin(plugin, target, options, signal);
    given = asking;
    asking.then(
      (credential) => {
        if (given !== asking) return;
        held = credential;
        const { expirationTimestamp: until } = credential;
        if (until) validUntil = Date.parse(until);
      },
      () => {
        if (given === asking) given = undefined;
      },
    );
    return asking;
  }

  async function ofPlugin(signal: AbortSignal | undefined): Promise<ExecCredential | undefined> {
    for (;;) {
      try {
        return user.exec && (await fromPlugin(user.exec, signal));
      } catch (error) {
        // Who has asked was interrupted, and not who waits for it, too.
        if (!isPaudeError(error, 'INTERRUPTED') || signal?.aborted) throw error;
      }
    }
  }

  async function token(plugin: ExecCredential | undefined): Promise<string | undefined> {
    if (user.tokenFile) return (await readFile(user.tokenFile, 'utf8')).trim();
    if (user.token) return user.token;
    if (plugin?.token) return plugin.token;
    const provider = user['auth-provider'];
    if (provider === undefined) return undefined;
    if (provider.name !== 'oidc') {
      throw new KubeconfigError('unsupported', `the auth provider ${provider.name} is not supported`);
    }
    oidc ??= openOidc();
    const found = await (await oidc).getToken({ name: target.userName, authProvider: provider });
    if (!found) throw new KubeconfigError('invalid', `the ID token of ${target.userName} can't be renewed`);
    return found;
  }

  /**
   * Read once: requests that are made at once must leave at once, and not each wait for files of its own.
   */
  async function pair(): Promise<readonly [cert: Buffer | undefined, key: Buffer | undefined]> {
    files ??= Promise.all([
      pem(user['client-certificate-data'], user['client-certificate']),
      pem(user['client-key-data'], user['client-key']),
    ]);
    return files.catch((error: unknown) => {
      files = undefined;
      throw error;
    });
  }

  async function read(signal: AbortSignal | undefined): Promise<Identity> {
    const plugin = await ofPlugin(signal);
    const bearer = await token(plugin);
    const basic = user.username && Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64');
    const [ownCert, ownKey] = plugin?.clientCertificateData === undefined ? await pair() : [];
    const cert = plugin?.clientCertificateData ?? ownCert;
    const key = plugin?.clientKeyData ?? ownKey;
    const headers: OutgoingHttpHeaders = {
      ...impersonation,
      ...(bearer ? { authorization: `Bearer ${bearer}` } : basic ? { authorization: `Basic ${basic}` } : {}),
    };
    if (plugin !== undefined) sources.set(headers, plugin);
    return {
      headers,
      ...(cert && { cert }),
      ...(key && { key }),
    };
  }

  return {
    current: (signal) =>
      read(signal).catch((error: NodeJS.ErrnoException) => {
        if (error.syscall === undefined || !error.path) throw error;
        throw new KubeconfigError('invalid', `${error.path} can't be read: ${error.message}`, {
          cause: error,
        });
      }),
    refused: (headers) => {
      const source = sources.get(headers);
      // Another request that was refused may have asked for others already.
      if (source !== undefined && source === held) given = undefined;
      return source !== undefined;
    },
  };
}

/** A certificate or key: the data in the file itself goes before a path. */
export async function pem(data: string | undefined, path: string | undefined): Promise<Buffer | undefined> {
  if (data) return Buffer.from(data, 'base64');
  return path ? await readFile(path) : undefined;
}

interface OidcTokens {
  getToken(user: {
    name: string;
    authProvider: { name: string; config?: Record<string, string> };
  }): Promise<string | null>;
}

/** Asks the provider for a new token when the old one has expired. Heavy, and rarely needed. */
async function openOidc(): Promise<OidcTokens> {
  const { OpenIDConnectAuth } = await import('@kubernetes/client-node/dist/oidc_auth.js');
  // Its getToken is private to TypeScript only; its public way writes the same into the headers.
  const auth = new OpenIDConnectAuth();
  return {
    getToken: async (user) => {
      const headers: { Authorization?: string } = {};
      await auth.applyAuthentication(user, { headers });
      return headers.Authorization?.replace(/^Bearer /, '') ?? null;
    },
  };
}

function impersonate({ user }: Target): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {};
  if (user.as) headers['impersonate-user'] = user.as;
  if (user['as-uid']) headers['impersonate-uid'] = user['as-uid'];
  if (user['as-groups']?.length) headers['impersonate-group'] = [...user['as-groups']];
  for (const [key, values] of Object.entries(user['as-user-extra'] ?? {})) {
    headers[`impersonate-extra-${encodeURIComponent(key)}`] = [...values];
  }
  return headers;
}
