import type {
  V1Container,
  V1NetworkPolicy,
  V1NetworkPolicyEgressRule,
  V1PodSpec,
  V1Service,
  V1StatefulSet,
} from '@kubernetes/client-node';
import { hostRulesOf, type NetworkRules } from '../../egress/network-rules.ts';
import { proxyConfiguration, type UpstreamProxy } from '../../egress/proxy-configuration.ts';
import { proxyAddressIn, proxyPort } from '../../egress/proxy-environment.ts';
import type { SessionName } from '../../names.ts';
import type { EgressSpec, SessionSpec } from '../../session/session.ts';
import { container, keys, manager, objectName, podName, sideLimits, type ClusterFacts } from './objects.ts';
import { pullSecretsOf } from './pull-secret.ts';

/** The name of a proxy's StatefulSet, Service and policy; no session's own, for those begin with `paude-`. */
export function proxyName(name: SessionName): string {
  return `proxy-${objectName(name)}`;
}

export function proxyPodName(name: SessionName): string {
  return `${proxyName(name)}-0`;
}

/** The parts of a session that have a pod of their own. */
export type Part = 'session' | 'proxy';

/** The pod of a part, and the container in it that the part is. */
export function podOf(name: SessionName, part: Part): { readonly pod: string; readonly container: string } {
  return part === 'proxy'
    ? { pod: proxyPodName(name), container: 'proxy' }
    : { pod: podName(name), container };
}

/** The address of the proxy, as a session's own pod has it in its environment. */
export function addressIn(pod: V1PodSpec | undefined): string | undefined {
  const { env = [] } = pod?.containers.find(({ name }) => name === container) ?? {};
  return proxyAddressIn(Object.fromEntries(env.map(({ name, value }) => [name, value])));
}

type Labels = Readonly<Record<string, string>>;

/** What selects the pods of one part of a session. */
export function selectorOf(name: SessionName, part: Part): Labels {
  return { [keys.managedBy]: manager, [keys.session]: name, [keys.component]: part };
}

/** The Service first: its address stands in the session's environment. With one, it is to have that again. */
export function proxyService(name: SessionName, labels: Labels, address?: string): V1Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: proxyName(name), labels: { ...labels, [keys.component]: 'proxy' } },
    spec: {
      selector: selectorOf(name, 'proxy'),
      // The same port on both sides: some networks judge before, and some after, the address is rewritten.
      ports: [{ name: 'proxy', port: proxyPort, targetPort: proxyPort, protocol: 'TCP' }],
      // The probe finds out whether it is ready.
      publishNotReadyAddresses: true,
      ...(address !== undefined && { clusterIP: address }),
    },
  };
}

/** A session's policy. Open, it is the same object, and closes only what comes in. */
export function sessionPolicy(
  { name, egress }: SessionSpec,
  labels: Labels,
  address: string | undefined,
): V1NetworkPolicy {
  return egress === undefined ? ownPolicy(name, labels, [{}]) : closedPolicy(name, labels, address);
}

/** The policy of a session that is filtered: it goes out to its proxy alone. */
export function closedPolicy(
  name: SessionName,
  labels: Labels,
  address: string | undefined,
): V1NetworkPolicy {
  const ports = [{ protocol: 'TCP', port: proxyPort }];
  const mask = address?.includes(':') === true ? 128 : 32;
  return ownPolicy(name, labels, [
    { to: [{ podSelector: { matchLabels: selectorOf(name, 'proxy') } }], ports },
    ...(address === undefined ? [] : [{ to: [{ ipBlock: { cidr: `${address}/${mask}` } }], ports }]),
  ]);
}

function ownPolicy(name: SessionName, labels: Labels, egress: V1NetworkPolicyEgressRule[]): V1NetworkPolicy {
  return policy(
    objectName(name),
    { ...labels, [keys.component]: 'session' },
    {
      podSelector: { matchLabels: selectorOf(name, 'session') },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [],
      egress,
    },
  );
}

/** A proxy's: its own session comes in at one port, and it goes out by TCP, and to name servers. */
export function proxyPolicy(name: SessionName, labels: Labels): V1NetworkPolicy {
  const dns = ['UDP', 'TCP'].flatMap((protocol) => [53, 5353].map((port) => ({ protocol, port })));
  return policy(
    proxyName(name),
    { ...labels, [keys.component]: 'proxy' },
    {
      podSelector: { matchLabels: selectorOf(name, 'proxy') },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        {
          _from: [{ podSelector: { matchLabels: selectorOf(name, 'session') } }],
          ports: [{ protocol: 'TCP', port: proxyPort }],
        },
      ],
      egress: [{ ports: dns }, { ports: [{ protocol: 'TCP' }] }],
    },
  );
}

/** The official client calls the field `from` otherwise, for that is a word of other languages. */
function policy(name: string, labels: Labels, spec: NonNullable<V1NetworkPolicy['spec']>): V1NetworkPolicy {
  const ingress = spec.ingress?.map(({ _from, ...rule }) => ({ ...rule, ...(_from && { from: _from }) }));
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, labels },
    spec: { ...spec, ...(ingress && { ingress }) },
  };
}

/** The environment of a proxy that follows from rules. */
export function configurationOf(rules: NetworkRules, upstream: UpstreamProxy | undefined): string {
  return proxyConfiguration(hostRulesOf(rules), upstream);
}

/**
 * A proxy's StatefulSet. New rules go to the pod that runs, and into the template for the next one: it must not be
 * replaced for them, or every connection would break.
 */
export function proxySet(
  session: SessionSpec,
  egress: EgressSpec,
  labels: Labels,
  facts: ClusterFacts,
): V1StatefulSet {
  const { name } = session;
  const own = { ...labels, [keys.component]: 'proxy' };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: proxyName(name), labels: own },
    spec: {
      replicas: 0,
      podManagementPolicy: 'Parallel',
      updateStrategy: { type: 'OnDelete' },
      selector: { matchLabels: selectorOf(name, 'proxy') },
      template: { metadata: { labels: own }, spec: proxyPod(session, egress, facts) },
    } as NonNullable<V1StatefulSet['spec']>,
  };
}

function proxyPod(session: SessionSpec, egress: EgressSpec, { assignsUsers }: ClusterFacts): V1PodSpec {
  return {
    ...pullSecretsOf(session, egress.image),
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 1,
    securityContext: {
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
      ...(assignsUsers ? {} : { runAsUser: 1000, runAsGroup: 0, fsGroup: 1000 }),
    },
    containers: [proxyContainer(session, egress)],
    volumes: [
      { name: 'run', emptyDir: { medium: 'Memory', sizeLimit: '16Mi' } },
      { name: 'tmp', emptyDir: { medium: 'Memory', sizeLimit: '16Mi' } },
    ],
  };
}

function proxyContainer(
  { name, description }: SessionSpec,
  { image, rules, upstream }: EgressSpec,
): V1Container {
  const field = (variable: string, fieldPath: string) => ({
    name: variable,
    valueFrom: { fieldRef: { fieldPath } },
  });
  return {
    name: 'proxy',
    image,
    imagePullPolicy: 'IfNotPresent',
    env: [
      // The first one, which changeRules replaces.
      { name: 'PAUDE_CONFIGURATION', value: configurationOf(rules, upstream) },
      { name: 'PAUDE_SESSION', value: name },
      field('POD_IPS', 'status.podIPs'),
      field('HOST_IPS', 'status.hostIPs'),
    ],
    resources: { requests: { memory: '48Mi', cpu: '10m' }, limits: sideLimits(description, '256Mi') },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    ports: [{ containerPort: proxyPort }],
    volumeMounts: [
      { name: 'run', mountPath: '/run/proxy' },
      { name: 'tmp', mountPath: '/tmp' },
    ],
  };
}
