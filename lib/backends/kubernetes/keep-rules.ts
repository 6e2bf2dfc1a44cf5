import type { V1NetworkPolicyList } from '@kubernetes/client-node';
import type { NetworkRules } from '../../egress/network-rules.ts';
import type { SessionName } from '../../names.ts';
import { findSet, paths, type Cluster } from './cluster.ts';
import { assertOurs } from './create-objects.ts';
import { configurationOf, selectorOf } from './network-objects.ts';
import { keys, manager } from './objects.ts';
import { sessionOf } from './query.ts';
import { configurationPath, pointer, unknown } from './scale.ts';

/** Keeps a session's rules: with the session, which tells them, and in the template of its proxy's next pod. */
export async function keepRules(
  cluster: Cluster,
  name: SessionName,
  rules: NetworkRules,
  signal: AbortSignal,
): Promise<void> {
  const { namespace } = cluster;
  const set = await findSet(cluster, name, signal);
  if (set === undefined) throw unknown(name);
  assertOurs(cluster, set);
  const upstream = sessionOf(cluster, set)?.egress?.upstream;
  const patch = (path: string, target: string, value: string) =>
    cluster.ask('keep its rules', 'PATCH', path, {
      body: [{ op: 'add', path: target, value }],
      contentType: 'application/json-patch+json',
      query: { fieldManager: manager },
      signal,
    });
  // The proxy's first: where only one arrives, the session still tells the old ones, and gets the new ones again.
  await patch(paths.proxySet(namespace, name), configurationPath, configurationOf(rules, upstream));
  const annotation = `/metadata/annotations/${pointer(keys.rules)}`;
  await patch(paths.set(namespace, name), annotation, JSON.stringify(rules));
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
