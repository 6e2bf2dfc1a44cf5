import { readFile } from 'node:fs/promises';
import type { Cluster } from './backends/kubernetes/cluster.ts';
import type { Resolved } from './config/load-settings.ts';
import type { Shelf } from './image/carry-images.ts';
import type { Way } from './image/try-ways.ts';
import type { Report } from './session/events.ts';
import { PaudeError } from './errors.ts';

/** What the ways are found with. */
export interface WayParts {
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  readonly settings: () => Promise<Resolved>;
}

/** The registries that images are carried to, as the user reaches them. */
export function imageWays({ env, home, settings }: WayParts) {
  /** Registries of which it was said that they are not verified: a session's image and its proxy's go one after the other. */
  const warned = new Set<string>();

  /** The external registry that the settings name: with the logins and the trust of Podman. */
  async function external(host: string, path: string, verify: boolean): Promise<Shelf> {
    const [{ originOf }, { trustedFor }, { agentFor, proxyFor }] = await Promise.all([
      import('./image/registry-name.ts'),
      import('./image/registry-trust.ts'),
      import('./backends/kubernetes/kubeconfig/proxy.ts'),
    ]);
    const caFile = (await settings()).values['ca-file'];
    const ca = await trustedFor(host, home, typeof caFile === 'string' ? [await certificates(caFile)] : []);
    const origin = originOf(host);
    const agent = await agentFor(origin, proxyFor(origin, undefined, env));
    return {
      wire: {
        name: `${host}/${path}`.replace(/\/$/, ''),
        origin,
        options: { agent, ca, ...(verify ? {} : { rejectUnauthorized: false }) },
      },
      login: { login: async (signal) => (await login(host, path, signal))?.login },
      path,
      pullHost: host,
    };
  }

  /** The login that Podman or Docker has for a registry. */
  async function login(host: string, path: string, signal: AbortSignal) {
    const [{ findLogin, loginFiles }, { askHelper }] = await Promise.all([
      import('./image/find-login.ts'),
      import('./backends/credential-helper.ts'),
    ]);
    const files = loginFiles(env, home, process.getuid?.() ?? -1);
    const ask = (name: string, registry: string, either: AbortSignal) =>
      askHelper(name, registry, env, either);
    return findLogin(host, path, { files, askHelper: ask }, signal);
  }

  /** The ways to a cluster, in the order in which they are tried. */
  async function ways(cluster: Cluster, report: Report): Promise<readonly Way[]> {
    const [{ registryName }, { clusterRegistry, internalHost }] = await Promise.all([
      import('./image/registry-name.ts'),
      import('./backends/kubernetes/registry/cluster-registry.ts'),
    ]);
    const { values } = await settings();
    const verify = values['openshift-tls-verify'] !== false;
    const inside = clusterRegistry(cluster);
    const unverified = (shelf: Shelf) => {
      const { name } = shelf.wire;
      if (!verify && !warned.has(name))
        report({ type: 'notice', text: `the certificate of ${name} is not verified` });
      warned.add(name);
      return shelf;
    };
    const internal = (name: string, look: typeof inside.route, none: string): Way => ({
      name,
      open: async (signal) => {
        if ((await inside.login(signal)) === undefined)
          return { skipped: 'it takes a token, and you are logged in with a client certificate' };
        const found = await look(signal);
        if (found === undefined) return { skipped: none };
        const options = { ...found.options, ...(verify ? {} : { rejectUnauthorized: false }) };
        return unverified({
          wire: { ...found, options, logIn: 'oc login' },
          login: {
            homebound: true,
            login: async (either, refused) => {
              const old = refused?.kind === 'password' ? refused.password : undefined;
              const given = await inside.login(either, old);
              return given && { kind: 'password', username: given.username, password: given.token };
            },
          },
          path: `${cluster.namespace}/`,
          pullHost: internalHost,
          tags: inside.tags,
        });
      },
    });
    const named = values['openshift-registry'];
    const given = typeof named === 'string' ? registryName(named) : undefined;
    return [
      ...(given === undefined
        ? []
        : [
            {
              name: String(named),
              open: async () => unverified(await external(given.host, given.path, verify)),
            },
          ]),
      internal(
        "the registry's route",
        inside.route,
        'there is none: oc get route -n openshift-image-registry',
      ),
      internal(
        'a port-forward to the registry',
        inside.forward,
        'there is no internal registry in the cluster',
      ),
    ];
  }

  return { external, login, ways };
}

/** The text of a file of certificates. Throws CONFIG_INVALID. */
export async function certificates(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new PaudeError('CONFIG_INVALID', `the certificates in ${path} can't be read`, {
      hint: 'name a file in PEM with --ca-file, or unset NODE_EXTRA_CA_CERTS',
      cause,
    });
  }
}
