import type { Resolved } from './config/load-settings.ts';
import type { Shelf } from './image/carry-images.ts';
import type { FoundLogin } from './image/find-login.ts';
import type { Guarded } from './image/pull-secret.ts';
import type { Reference } from './image/registry-name.ts';
import type { Report } from './session/events.ts';
import type { PullSecret } from './session/session.ts';
import { PaudeError } from './errors.ts';
import { timeLimit } from './waiting.ts';

/** What it takes to find out what nodes need. */
export interface PullSecretParts {
  readonly settings: () => Promise<Resolved>;
  readonly external: (host: string, path: string, verify: boolean) => Promise<Shelf>;
  /** The user's own login for a repository. */
  readonly login: (host: string, name: string, signal: AbortSignal) => Promise<FoundLogin | undefined>;
  readonly agree: (question: string, signal: AbortSignal) => Promise<boolean | undefined>;
  /** How long a registry may take to say whether it wants a login, where it is not 10 s; milliseconds. */
  readonly lookTime?: number;
}

/** What nodes need for pulling a session's images. */
export function pullSecrets({ settings, external, login, agree, lookTime = 10_000 }: PullSecretParts) {
  /**
   * By the setting `pull-secret`: `none`, `auto`, a secret's name, or what a person says. Nothing is needed for an image
   * of the cluster's own registry, of one that gives to everybody, or where the user has no login that a secret could be
   * made of: a pull that fails says so itself. Throws PULL_SECRET_NEEDED where nobody can be asked.
   */
  async function pullSecret(
    images: readonly string[],
    report: Report,
    signal: AbortSignal,
  ): Promise<PullSecret | undefined> {
    const [{ reference }, { nodeLogins }, { internalHost }] = await Promise.all([
      import('./image/registry-name.ts'),
      import('./image/pull-secret.ts'),
      import('./backends/kubernetes/registry/cluster-registry.ts'),
    ]);
    const setting = (await settings()).values['pull-secret'];
    const outside = images.filter((image) => reference(image).host !== internalHost);
    if (outside.length === 0 || setting === 'none') return undefined;
    if (typeof setting === 'string' && setting !== 'auto') return { name: setting, images: outside };
    const guarded = await guardedOf(outside, report, signal);
    const entries = await nodeLogins(guarded, setting === 'auto', (question, host) => {
      // A spinner on the same line would hide it.
      report({ type: 'notice', text: `${host} asks for a login` });
      return agree(question, signal);
    });
    if (entries.length === 0) return undefined;
    const given = guarded.filter(({ found }) => entries.some(({ registry }) => registry === found.key));
    return { entries, images: given.map(({ image }) => image) };
  }

  /** The images that take a login which the user has. */
  async function guardedOf(images: readonly string[], report: Report, signal: AbortSignal) {
    const { reference } = await import('./image/registry-name.ts');
    const unseen = new Set<string>();
    const guarded: (Guarded & { readonly image: string })[] = [];
    for (const image of images) {
      const named = reference(image);
      const found = await login(named.host, named.name, signal);
      if (found === undefined || unseen.has(named.host)) continue;
      const needs = await asked(named, signal).catch((error: unknown) => {
        if (!(error instanceof PaudeError) || signal.aborted) throw error;
        unseen.add(named.host);
        const why = error.code === 'INTERRUPTED' ? `${named.host} does not answer` : error.message;
        report({ type: 'notice', text: `no pull secret is made for ${named.host}: ${why}` });
        return false;
      });
      if (needs) guarded.push({ image, reference: named, found });
    }
    return guarded;
  }

  async function asked({ host, name, version }: Reference, signal: AbortSignal): Promise<boolean> {
    const [{ registryName }, { needsLogin }] = await Promise.all([
      import('./image/registry-name.ts'),
      import('./image/pull-secret.ts'),
    ]);
    const { values } = await settings();
    const pushedTo = values['openshift-registry'];
    const isPushedTo = typeof pushedTo === 'string' && registryName(pushedTo).host === host;
    const verify = !isPushedTo || values['openshift-tls-verify'] !== false;
    const { wire } = await external(host, name, verify);
    return needsLogin({ name, version }, wire, timeLimit(lookTime, signal));
  }

  return { pullSecret };
}
