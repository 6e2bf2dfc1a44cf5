import type { V1Service, V1StatefulSet } from '@kubernetes/client-node';
import type { SessionSpec } from '../../session/session.ts';
import { paths, type Cluster, type Facts } from './cluster.ts';
import { proxyPolicy, proxyService, proxySet, sessionPolicy } from './network-objects.ts';
import { labelsOf, manifests } from './objects.ts';
import type { Wanted } from './settle-object.ts';

/** All that a session consists of. */
export interface Parts {
  /** The one that is the session: made when all is there that must be, so that one that is there lacks nothing. */
  readonly own: Wanted<V1StatefulSet>;
  /** What closes its network, which names the proxy's address, as its StatefulSet does. */
  readonly policy: Wanted;
  /** What gives the proxy that address, where it has one. */
  readonly service: Wanted<V1Service> | undefined;
  /** What needs to know no address. */
  readonly others: readonly Wanted[];
}

/** Where a session's parts are, and what. `address` is the proxy's, once that is known. */
export function partsOf(
  { namespace }: Pick<Cluster, 'namespace'>,
  spec: SessionSpec,
  facts: Facts,
  address?: string,
): Parts {
  const { name, egress } = spec;
  const { claim, set, secret } = manifests(spec, facts.user, facts, address);
  const labels = labelsOf(name, facts.user);
  const [policies, sets] = [paths.policies(namespace), paths.sets(namespace)];
  const others: Wanted[] = [{ what: 'create its volume', path: paths.claims(namespace), body: claim }];
  if (secret !== undefined)
    others.push({ what: 'create its pull secret', path: paths.secrets(namespace), body: secret });
  if (egress !== undefined)
    others.push(
      { what: 'close its proxy', path: policies, body: proxyPolicy(name, labels) },
      { what: 'create its proxy', path: sets, body: proxySet(spec, egress, labels, facts) },
    );
  return {
    own: { what: 'create it', path: sets, body: set },
    policy: { what: 'close its network', path: policies, body: sessionPolicy(spec, labels, address) },
    service: egress && {
      what: "create its proxy's address",
      path: paths.services(namespace),
      body: proxyService(name, labels, address),
    },
    others,
  };
}
