import { PaudeError } from '../errors.ts';
import { addedUp, parseLedger, stillBlocked, type BlockedHost } from '../egress/ledger.ts';
import { hostRulesOf, type NetworkRules } from '../egress/network-rules.ts';
import { proxyConfiguration } from '../egress/proxy-configuration.ts';
import type { SessionName } from '../names.ts';
import { askSession } from './ask-session.ts';
import type { Backend } from './backend.ts';
import type { EgressSpec, Session } from './session.ts';

/**
 * Gives a session other rules. Kept first, so that what was denied stays so whatever happens then; in force, in a
 * session that runs, when it ends. Throws SESSION_FAILED.
 */
export async function changeNetwork(
  backend: Backend,
  session: Session,
  rules: NetworkRules,
  signal: AbortSignal,
): Promise<void> {
  const { name } = session.location;
  await backend.keepRules(name, rules, signal);
  if (session.state !== 'running') return;
  const { upstream } = filtered(session);
  const question = {
    role: 'proxy' as const,
    command: ['paude-proxy', 'configure'],
    input: proxyConfiguration(hostRulesOf(rules), upstream),
    framed: true,
  };
  await askSession(backend, name, question, signal);
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
