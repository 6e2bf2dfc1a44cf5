import { createHash } from 'node:crypto';
import { isPaudeError, PaudeError } from '../errors.ts';
import { addedUp, parseLedger, stillBlocked, type BlockedHost } from '../egress/ledger.ts';
import { hostRulesOf, type NetworkRules } from '../egress/network-rules.ts';
import { proxyConfiguration } from '../egress/proxy-configuration.ts';
import type { SessionName } from '../names.ts';
import { askSession } from './ask-session.ts';
import type { Backend } from './backend.ts';
import type { EgressSpec, Session } from './session.ts';

/**
 * Changes a session's rules. Kept first, so that what was denied stays so whatever happens then; in force, wherever a
 * proxy runs, when it ends: one may outlive its session. Gives the rules as they are then. Throws NETWORK_OPEN,
 * SESSION_FAILED, SESSION_UNKNOWN, and what `change` throws.
 */
export async function changeNetwork(
  backend: Backend,
  session: Session,
  change: (rules: NetworkRules) => NetworkRules,
  signal: AbortSignal,
): Promise<NetworkRules> {
  filtered(session);
  const rules = await backend.changeRules(session.location.name, change, signal);
  try {
    return await bringInForce(backend, session, rules, signal);
  } catch (error) {
    const isAbsent = isPaudeError(error, 'SESSION_STOPPED') || isPaudeError(error, 'SESSION_UNKNOWN');
    // The next start brings them in force.
    if (isAbsent && session.state !== 'running') return rules;
    throw error;
  }
}

/**
 * Tells the proxy of a session the rules that are kept, at first these, and ends when they are in force. Gives them.
 * Throws SESSION_FAILED, and SESSION_STOPPED or SESSION_UNKNOWN where no proxy runs.
 */
export async function bringInForce(
  backend: Backend,
  session: Session,
  kept: NetworkRules,
  signal: AbortSignal,
): Promise<NetworkRules> {
  const { name } = session.location;
  const { upstream } = filtered(session);
  // With a line's end, as the proxy writes down what it is made with.
  const textOf = (rules: NetworkRules) => `${proxyConfiguration(hostRulesOf(rules), upstream)}\n`;
  for (let rules = kept; ;) {
    const input = textOf(rules);
    // A proxy that holds to it already need not look at all of it.
    const command = ['paude-proxy', 'configure', createHash('sha256').update(input).digest('hex')];
    const question = { role: 'proxy', command, input, framed: true } as const;
    const look = async () => (await backend.get(name, signal))?.egress?.rules ?? rules;
    const [said, beside] = await Promise.all([askSession(backend, name, question, signal), look()]);
    // Of two changes at once, the earlier one may have reached the proxy last; but not by what told it nothing.
    const now = said === 'same\n' ? beside : await look();
    if (textOf(now) === input) return now;
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
