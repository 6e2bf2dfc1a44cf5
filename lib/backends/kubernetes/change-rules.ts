import type { NetworkRules } from '../../egress/network-rules.ts';
import type { PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import { filtered } from '../../session/change-network.ts';
import { ApiStatus } from './api-connection.ts';
import { findSet, paths, type Cluster } from './cluster.ts';
import { assertOurs } from './strangers.ts';
import { configurationOf } from './network-objects.ts';
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
