import type {
  V1LabelSelector,
  V1NetworkPolicy,
  V1NetworkPolicyList,
  V1Pod,
  V1PodList,
} from '@kubernetes/client-node';
import type { SessionName } from '../../names.ts';
import type { Openings } from '../../session/backend.ts';
import { paths, type Cluster } from './cluster.ts';
import { podOf, proxyName, selectorOf, type Part } from './network-objects.ts';
import { keys, objectName, selector } from './objects.ts';
import { settlePolicies } from './own-policies.ts';

type Labels = Readonly<Record<string, string>>;

/**
 * What opens a pod of a session: policies that others made, for policies add up, and its own where they are not what
 * they were made as. Those of its own that are gone are made again.
 */
export async function openings(cluster: Cluster, name: SessionName, signal: AbortSignal): Promise<Openings> {
  const { namespace } = cluster;
  const [policies, pods] = await Promise.all([
    cluster.ask<V1NetworkPolicyList>('look at its policies', 'GET', paths.policies(namespace), { signal }),
    cluster.ask<V1PodList>('look at its pods', 'GET', paths.pods(namespace), {
      query: { labelSelector: selector(name) },
      signal,
    }),
  ]);
  const { openings: own, renewed } = await settlePolicies(cluster, name, policies.items, pods.items, signal);
  const others = openingsAmong(policies.items, name, pods.items);
  const texts = others.map((opening) => ({ text: `${opening} opens it, for policies add up` }));
  return { openings: [...own, ...texts], renewed };
}

/**
 * Those of others among policies and pods that are at hand; a copy of a session's own is none of its own, whatever
 * labels it has. A pod that is not there counts with the labels that are known of it.
 */
export function openingsAmong(
  policies: readonly V1NetworkPolicy[],
  name: SessionName,
  pods: readonly V1Pod[],
): readonly string[] {
  const labelsOf = (part: Part): readonly Labels[] => {
    const { pod } = podOf(name, part);
    const there = pods.filter(({ metadata }) => metadata?.name === pod);
    if (there.length > 0) return there.map(({ metadata }) => metadata?.labels ?? {});
    const own = { [keys.name]: 'paude', [keys.instance]: name, ...selectorOf(name, part) };
    return [{ ...own, 'statefulset.kubernetes.io/pod-name': pod, 'apps.kubernetes.io/pod-index': '0' }];
  };
  const [session, proxy] = [labelsOf('session'), labelsOf('proxy')];
  const own: readonly (string | undefined)[] = [objectName(name), proxyName(name)];
  return policies.flatMap(({ metadata, spec }) => {
    if (own.includes(metadata?.name)) return [];
    const types = spec?.policyTypes ?? ['Ingress', ...(spec?.egress === undefined ? [] : ['Egress'])];
    const out = types.includes('Egress') && (spec?.egress?.length ?? 0) > 0;
    const incoming = types.includes('Ingress') && (spec?.ingress?.length ?? 0) > 0;
    const isOf = (part: readonly Labels[]) => part.some((labels) => selects(spec?.podSelector, labels));
    const policy = `the policy ${metadata?.name} of ${metadata?.namespace}`;
    if ((out || incoming) && isOf(session)) return [policy];
    // The proxy goes out by itself; who else comes in uses the session's way out.
    return incoming && isOf(proxy) ? [`${policy}, which lets others into its proxy,`] : [];
  });
}

/** Kubernetes' label selectors; one that can't be understood counts as one that selects. */
export function selects(
  { matchLabels = {}, matchExpressions = [] }: V1LabelSelector = {},
  labels: Labels,
): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === 'In') return value !== undefined && values.includes(value);
      if (operator === 'NotIn') return value === undefined || !values.includes(value);
      if (operator === 'Exists') return value !== undefined;
      return operator !== 'DoesNotExist' || value === undefined;
    })
  );
}
