import { entryFor, type BlockedHost } from '../egress/ledger.ts';
import type { SessionName } from '../names.ts';
import type { Backend } from '../session/backend.ts';
import { blockedHosts } from '../session/change-network.ts';
import type { Location } from '../session/location.ts';
import type { Session } from '../session/session.ts';
import type { Context } from './command.ts';

/** What is said of a session's network: a word for a table, and a sentence. */
export function networkOf({ egress, description, location }: Session): {
  readonly word: string;
  readonly sentence: string;
} {
  if (egress === undefined)
    return { word: 'open', sentence: 'the network of the session is open: nothing is filtered' };
  const hosts = [...egress.rules.agent, ...egress.rules.allow];
  const reached = hosts.length === 0 ? 'nothing' : hosts.join(', ');
  const sentence = `the session reaches ${reached}; more: git paude network ${location.name} --allow HOST`;
  if (egress.rules.unenforced === true)
    return {
      word: 'unenforced',
      sentence: `nothing holds the session to its rules, which you accepted; ${sentence}`,
    };
  return description.acceptUnenforced === true
    ? { word: 'unenforced', sentence: `${sentence}; where nothing enforces that, it goes on all the same` }
    : { word: 'filtered', sentence };
}

/** Said at every connect where the network is open; the filtered say it when something is refused. */
export async function tellNetwork(context: Context, location: Location): Promise<void> {
  const session = await (await context.backend(location)).get(location.name, context.signal);
  if (session !== undefined && networkOf(session).word !== 'filtered')
    context.report({ type: 'notice', text: networkOf(session).sentence });
}

/** After a terminal is detached: what the agent could not reach, and how to allow it. */
export async function tellBlocked(context: Context, backend: Backend, name: SessionName): Promise<void> {
  const session = await backend.get(name, context.signal).catch(() => undefined);
  if (session === undefined || session.state !== 'running') return;
  // The terminal is the user's again, whatever becomes of this.
  const blocked = await blockedHosts(backend, session, context.signal).catch(() => []);
  for (const line of blockedLines(blocked, name, 5)) context.output.say(line);
}

export function blockedLines(
  blocked: readonly BlockedHost[],
  name: SessionName,
  most: number,
): readonly string[] {
  const lines = blocked.slice(0, most).map((entry) => {
    const times = entry.count === 1 ? 'once' : `${entry.count} times`;
    const allowed = entryFor(entry);
    const command = allowed === undefined ? '' : `; git paude network ${name} --allow '${allowed}'`;
    return `blocked ${times}: ${entry.host}:${entry.port}${reasons[entry.why]}${command}`;
  });
  const more = blocked.length - lines.length;
  return more > 0 ? [...lines, `and ${more} more: git paude network ${name}`] : lines;
}

export const reasons: Readonly<Record<BlockedHost['why'], string>> = {
  host: '',
  name: ' (the name in its TLS was not that of the tunnel; no rule allows that)',
  address: ' (it has a private address)',
  literal: ' (it is an address; only names can be allowed)',
};
