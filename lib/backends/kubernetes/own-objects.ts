import type { SessionName } from '../../names.ts';
import { ApiStatus } from './api-connection.ts';
import type { Cluster } from './cluster.ts';
import { kubernetesError } from './kubernetes-errors.ts';
import { selector } from './objects.ts';

export interface Kind {
  readonly kind: string;
  readonly group: string;
  readonly resource: string;
  /** No session is made of it, but somebody may have added one, with the session's labels. */
  readonly added?: true;
}

const rbac = 'rbac.authorization.k8s.io';

/** Every kind that a session may have objects of, in the order in which they are named. */
export const kinds: readonly Kind[] = [
  { kind: 'statefulset', group: 'apps', resource: 'statefulsets' },
  { kind: 'deployment', group: 'apps', resource: 'deployments' },
  { kind: 'pod', group: '', resource: 'pods' },
  { kind: 'service', group: '', resource: 'services' },
  { kind: 'configmap', group: '', resource: 'configmaps' },
  { kind: 'secret', group: '', resource: 'secrets' },
  { kind: 'networkpolicy', group: 'networking.k8s.io', resource: 'networkpolicies' },
  { kind: 'persistentvolumeclaim', group: '', resource: 'persistentvolumeclaims' },
  { kind: 'job', group: 'batch', resource: 'jobs', added: true },
  { kind: 'cronjob', group: 'batch', resource: 'cronjobs', added: true },
  { kind: 'replicaset', group: 'apps', resource: 'replicasets', added: true },
  { kind: 'daemonset', group: 'apps', resource: 'daemonsets', added: true },
  { kind: 'replicationcontroller', group: '', resource: 'replicationcontrollers', added: true },
  { kind: 'serviceaccount', group: '', resource: 'serviceaccounts', added: true },
  { kind: 'ingress', group: 'networking.k8s.io', resource: 'ingresses', added: true },
  { kind: 'route', group: 'route.openshift.io', resource: 'routes', added: true },
  {
    kind: 'horizontalpodautoscaler',
    group: 'autoscaling',
    resource: 'horizontalpodautoscalers',
    added: true,
  },
  { kind: 'poddisruptionbudget', group: 'policy', resource: 'poddisruptionbudgets', added: true },
  { kind: 'rolebinding', group: rbac, resource: 'rolebindings', added: true },
  { kind: 'role', group: rbac, resource: 'roles', added: true },
];

/** An object as a list shows it. */
export interface Found {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly labels?: Record<string, string>;
  };
}

export interface Listed {
  readonly items: readonly Found[];
}

/** Where a kind's objects are. */
export function pathOf({ namespace }: Cluster, { group, resource }: Kind): string {
  return `${group === '' ? '/api' : `/apis/${group}`}/v1/namespaces/${namespace}/${resource}`;
}

/** What there is of a kind. Throws FORBIDDEN where that can't be seen, and may be something of ours. */
export async function findKind(
  cluster: Cluster,
  of: Kind,
  name: SessionName,
  signal: AbortSignal,
): Promise<readonly Found[]> {
  const query = { labelSelector: selector(name) };
  try {
    return (await cluster.connection.request<Listed>('GET', pathOf(cluster, of), { query, signal })).body
      .items;
  } catch (error) {
    if (isNotServed(error)) return [];
    if (isForbidden(error) && !(await mayHaveMade(cluster, of, signal))) return [];
    throw kubernetesError(`look for ${of.resource} of ${name}`, cluster, error);
  }
}

/**
 * Whether there can be anything of a kind that we may not list: a role without any right on a kind has made none, and
 * must be able to delete the session all the same.
 */
async function mayHaveMade(
  cluster: Cluster,
  { kind, group, resource, added }: Kind,
  signal: AbortSignal,
): Promise<boolean> {
  if (added) return false;
  if (essential.includes(kind)) return true;
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  const resourceAttributes = { namespace: cluster.namespace, verb: 'create', group, resource };
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes },
  };
  const review = await cluster.ask<{ status?: { allowed?: boolean } }>(
    `ask for your rights on ${resource}`,
    'POST',
    path,
    { body, signal },
  );
  return review.status?.allowed === true;
}

/** What every session is made of, whoever may make what. */
const essential: readonly string[] = ['statefulset', 'pod', 'persistentvolumeclaim'];

/** A kind that this cluster does not know. */
export function isNotServed(error: unknown): boolean {
  return error instanceof ApiStatus && error.code === 404;
}

/** The user lacks the right. */
export function isForbidden(error: unknown): boolean {
  return error instanceof ApiStatus && error.code === 403;
}
