import { isDeepStrictEqual } from 'node:util';
import type { V1NetworkPolicy, V1Pod } from '@kubernetes/client-node';
import { isPaudeError, type PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import { shellWord } from '../../printable.ts';
import type { Opening, Openings } from '../../session/backend.ts';
import { ApiStatus } from './api-connection.ts';
import { paths, type Cluster } from './cluster.ts';
import { addressIn, closedPolicy, podOf, proxyPolicy } from './network-objects.ts';
import { keys, labelsOf, manager } from './objects.ts';

/**
 * Compares a session's own policies, which are not among the openings, with what its pods were made for. One that is
 * gone is made again; one that somebody has changed is left alone, and opens the session.
 */
export async function settlePolicies(
  cluster: Cluster,
  name: SessionName,
  policies: readonly V1NetworkPolicy[],
  pods: readonly V1Pod[],
  signal: AbortSignal,
): Promise<Openings> {
  const settled = await Promise.all(
    wantedPolicies(name, pods).map(async (wanted) => {
      const there = policies.find(({ metadata }) => metadata?.name === wanted.metadata!.name);
      if (there === undefined) return makeAgain(cluster, name, wanted, signal);
      return isSame(there, wanted) ? undefined : changed(cluster, name, wanted);
    }),
  );
  return {
    openings: settled.filter((one) => typeof one === 'object'),
    renewed: settled.filter((one) => typeof one === 'string'),
  };
}

/**
 * The policies that a session was made with, as its own pod tells: its environment has the address of its way out.
 * None where that is not there. What is made of them goes with the session, however it is overtaken by a delete.
 */
function wantedPolicies(name: SessionName, pods: readonly V1Pod[]): readonly V1NetworkPolicy[] {
  const { pod } = podOf(name, 'session');
  const own = pods.find(({ metadata }) => metadata?.name === pod);
  if (own === undefined) return [];
  const address = addressIn(own.spec);
  const labels = { ...labelsOf(name, ''), [keys.owner]: own.metadata?.labels?.[keys.owner] ?? '' };
  const ownerReferences = (own.metadata?.ownerReferences ?? [])
    .filter(({ kind }) => kind === 'StatefulSet')
    .map(({ apiVersion, kind, name: of, uid }) => ({ apiVersion, kind, name: of, uid }));
  return [closedPolicy(name, labels, address), proxyPolicy(name, labels)].map((policy) => ({
    ...policy,
    metadata: { ...policy.metadata, ownerReferences },
  }));
}

/** What was made, or why it could not be. */
async function makeAgain(
  cluster: Cluster,
  name: SessionName,
  wanted: V1NetworkPolicy,
  signal: AbortSignal,
): Promise<string | Opening> {
  const what = 'close its network again';
  const path = paths.policies(cluster.namespace);
  const made = `NetworkPolicy ${wanted.metadata!.name}`;
  try {
    await cluster.ask(what, 'POST', path, { body: wanted, query: { fieldManager: manager }, signal });
    return made;
  } catch (error) {
    if (!isPaudeError(error) || !(error.cause instanceof ApiStatus) || passing.has(error.code)) throw error;
    if (error.cause.reason === 'AlreadyExists') {
      const there = await cluster.find<V1NetworkPolicy>(what, `${path}/${wanted.metadata!.name}`, signal);
      // Another start was faster.
      if (there !== undefined) return isSame(there, wanted) ? made : changed(cluster, name, wanted);
    }
    const { message, hint } = error;
    return { text: `its own ${made} is gone, and ${message}`, ...(hint !== undefined && { hint }) };
  }
}

/** What says nothing of the policy itself. */
const passing: ReadonlySet<PaudeError['code']> = new Set(['BACKEND_UNREACHABLE', 'NOT_LOGGED_IN']);

function changed(
  { context, namespace }: Cluster,
  session: SessionName,
  { metadata }: V1NetworkPolicy,
): Opening {
  const policy = metadata!.name;
  return {
    text: `its own NetworkPolicy ${policy} was changed`,
    hint: `make it anew: kubectl delete networkpolicy ${policy} -n ${namespace} --context=${shellWord(context)} && git paude start ${session} --detach`,
  };
}

/** Whether two policies say the same: an API server leaves out what is empty. */
function isSame(one: V1NetworkPolicy, other: V1NetworkPolicy): boolean {
  return isDeepStrictEqual(said(one.spec), said(other.spec));
}

function said(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(said);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(
    ([, one]) => one !== undefined && !(Array.isArray(one) && one.length === 0),
  );
  return Object.fromEntries(fields.map(([key, one]) => [key, said(one)]));
}
