import { PaudeError } from '../errors.ts';
import { addedUp, parseLedger, stillBlocked, type BlockedHost } from '../egress/ledger.ts';
import { hostRulesOf, type NetworkRules } from '../egress/network-rules.ts';
import { proxyConfiguration } from '../egress/proxy-configuration.ts';
import type { SessionName } from '../names.ts';
import { askSession } from './ask-session.ts';
import type { Backend } from './backend.ts';
import type { EgressSpec, Session } from './session.ts';

/**
 * Changes a session's rules. Kept first, so that what was denied stays so whatever happens then; in force, in a session
 * that runs, when it ends. Gives the rules as they are then. Throws NETWORK_OPEN, SESSION_FAILED, SESSION_UNKNOWN, and what `change` throws.
 */
export async function changeNetwork(
  backend: Backend,
  session: Session,
  change: (rules: NetworkRules) => NetworkRules,
  signal: AbortSignal,
): Promise<NetworkRules> {
  const { name } = session.location;
  const { upstream } = filtered(session);
  let rules = await backend.changeRules(name, change, signal);
  if (session.state !== 'running') return rules;
  const command = ['paude-proxy', 'configure'];
  for (;;) {
    const input = proxyConfiguration(hostRulesOf(rules), upstream);
    await askSession(backend, name, { role: 'proxy', command, input, framed: true }, signal);
    // Of two changes at once, the earlier one may have reached the proxy last.
    const now = (await backend.get(name, signal))?.egress?.rules ?? rules;
    if (proxyConfiguration(hostRulesOf(now), upstream) === input) return now;
    rules = now;
  }
}

/** The way out of a session. Throws NETWORK_OPEN where nothing is filtered. */
export function filtered({ egress, location: { name } }: Session): EgressSpec {
  if (egress !== undefined) return egress;
  throw new PaudeError('NETWORK_OPEN', `the network of the session ${name} is open: there are no rules`, {
    hint: `make it anew without --allow-network: git paude delete ${name} --confirm, git paude create ${name}`,
  });
}

/** What a session asked for and was refused, and would be again, the newest first. */
export async function blockedHosts(
  backend: Backend,
  { egress, state, location: { name } }: Session,
  signal: AbortSignal,
): Promise<readonly BlockedHost[]> {
  if (egress === undefined) return [];
  const since = state === 'running' ? await refusedSince(backend, name, signal) : [];
  return stillBlocked(addedUp(parseLedger(egress.rules.blocked ?? ''), since), hostRulesOf(egress.rules));
}

/** What a running session was refused since it was started: its proxy tells. */
export async function refusedSince(
  backend: Backend,
  name: SessionName,
  signal: AbortSignal,
): Promise<readonly BlockedHost[]> {
  return parseLedger(
    await askSession(backend, name, { role: 'proxy', command: ['paude-proxy', 'blocked'] }, signal),
  );
}
