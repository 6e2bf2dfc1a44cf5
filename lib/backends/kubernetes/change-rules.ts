import type { V1NetworkPolicyList } from '@kubernetes/client-node';
import type { NetworkRules } from '../../egress/network-rules.ts';
import type { PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import { filtered } from '../../session/change-network.ts';
import { ApiStatus } from './api-connection.ts';
import { findSet, paths, type Cluster } from './cluster.ts';
import { assertOurs } from './strangers.ts';
import { configurationOf, selectorOf } from './network-objects.ts';
import { keys, manager } from './objects.ts';
import { sessionOf } from './query.ts';
import { configurationPath, pointer, unknown } from './scale.ts';

/**
 * Changes a session's rules: in the template of its proxy's next pod, and with the session, which tells them. That one
 * is changed only where it says what it said before, so that of two changes at once the later one changes what the
 * earlier one has made. Throws SESSION_UNKNOWN, NETWORK_OPEN, NOT_OURS, and what `change` throws.
 */
export async function changeRules(
  cluster: Cluster,
  name: SessionName,
  change: (rules: NetworkRules) => NetworkRules,
  signal: AbortSignal,
): Promise<NetworkRules> {
  const { namespace } = cluster;
  const patch = (path: string, body: readonly object[]) =>
    cluster.ask('keep its rules', 'PATCH', path, {
      body,
      contentType: 'application/json-patch+json',
      query: { fieldManager: manager },
      signal,
    });
  let refused: { readonly said: string | undefined; readonly error: unknown } | undefined;
  for (;;) {
    const set = await findSet(cluster, name, signal);
    if (set === undefined) throw unknown(name);
    assertOurs(cluster, set);
    const said = set.metadata?.annotations?.[keys.rules];
    // It was not refused for what another one has changed.
    if (refused !== undefined && refused.said === said) throw refused.error;
    const { rules: present, upstream } = filtered(sessionOf(cluster, set)!);
    const rules = change(present);
    if (rules === present) return rules;
    // The proxy's first: where only one arrives, the session still tells the old ones, and gets the new ones again.
    const configuration = { path: configurationPath, value: configurationOf(rules, upstream) };
    await patch(paths.proxySet(namespace, name), [{ op: 'add', ...configuration }]);
    const path = `/metadata/annotations/${pointer(keys.rules)}`;
    try {
      await patch(paths.set(namespace, name), [
        // Of what is not there, null (RFC 6902 knows no other way).
        { op: 'test', path, value: said ?? null },
        { op: 'add', path, value: JSON.stringify(rules) },
      ]);
      return rules;
    } catch (error) {
      const { cause } = error as PaudeError;
      if (!(cause instanceof ApiStatus && cause.code === 422)) throw error;
      refused = { said, error };
    }
  }
}

/** Policies that others made, and that open a session's pod: policies add up. */
export async function openings(
  cluster: Cluster,
  name: SessionName,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const path = paths.policies(cluster.namespace);
  const found = await cluster.ask<V1NetworkPolicyList>('look at its policies', 'GET', path, { signal });
  const labels = new Map(
    Object.entries({ [keys.name]: 'paude', [keys.instance]: name, ...selectorOf(name, 'session') }),
  );
  return found.items.flatMap(({ metadata, spec }) => {
    const own = metadata?.labels?.[keys.managedBy] === manager && metadata.labels[keys.session] === name;
    const types = spec?.policyTypes ?? ['Ingress', ...(spec?.egress === undefined ? [] : ['Egress'])];
    const out = types.includes('Egress') && (spec?.egress?.length ?? 0) > 0;
    const incoming = types.includes('Ingress') && (spec?.ingress?.length ?? 0) > 0;
    if (own || !(out || incoming) || !selects(spec?.podSelector, labels)) return [];
    return [`the policy ${metadata?.name} of ${cluster.namespace}`];
  });
}

interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

/** Kubernetes' label selectors; one that can't be understood counts as one that selects. */
function selects(
  { matchLabels = {}, matchExpressions = [] }: Selector = {},
  labels: ReadonlyMap<string, string>,
): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels.get(key) === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels.get(key);
      if (operator === 'In') return value !== undefined && values.includes(value);
      if (operator === 'NotIn') return value === undefined || !values.includes(value);
      if (operator === 'Exists') return value !== undefined;
      return operator !== 'DoesNotExist' || value === undefined;
    })
  );
}
