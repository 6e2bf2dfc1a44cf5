import { entryFor, type BlockedHost } from '../egress/ledger.ts';
import { formatHostRule } from '../egress/host-rule.ts';
import {
  changedRules,
  hostRulesOf,
  isEveryPort,
  shownHosts,
  type NetworkRules,
} from '../egress/network-rules.ts';
import { blockedHosts, changeNetwork, filtered } from '../session/change-network.ts';
import { existingNames, unknownSession } from '../session/resolve-session.ts';
import { age } from '../ui/age.ts';
import { printTable } from '../ui/table.ts';
import type { Command, Context } from './command.ts';
import { reasons } from './network-words.ts';
import { whichSession } from './which-session.ts';

export const network: Command = async (context, { args, flags }) => {
  const location = await whichSession(context, args[0]);
  const { name } = location;
  const backend = await context.backend(location);
  const session = await backend.get(name, context.signal);
  if (session === undefined) throw unknownSession(name, await existingNames(backend, context.signal));
  const { rules } = filtered(session);
  const given = (flag: string) =>
    String(flags.get(flag) ?? '')
      .split(/[\n,]/)
      .filter((item) => item.trim() !== '');
  const change = { allow: given('allow'), deny: given('deny') };
  if (change.allow.length + change.deny.length > 0) {
    await changeNetwork(backend, session, (present) => changedRules(present, change), context.signal);
    for (const entry of change.allow)
      context.output.say(isEveryPort(entry.trim()) ? `no longer denied as ${entry}` : `allowed: ${entry}`);
    for (const entry of change.deny)
      context.output.say(`denied: ${entry}, and what was open to it is closed`);
    return 0;
  }
  const blocked = await blockedHosts(backend, session, context.signal);
  if (flags.get('json') === true)
    context.output.json({
      agent: rules.agent,
      allow: rules.allow,
      deny: rules.deny,
      reaches: hostsIn(rules),
      blocked,
    });
  else show(context, rules, blocked);
  return 0;
};

function hostsIn(rules: NetworkRules): readonly string[] {
  return hostRulesOf(rules).allowed.map(formatHostRule);
}

function show({ output }: Context, rules: NetworkRules, blocked: readonly BlockedHost[]): void {
  const open = new Set(hostsIn(rules));
  const rows = (entries: readonly string[], by: string) =>
    entries.flatMap((entry) =>
      shownHosts(entry).map((host) => [
        host,
        open.has(host) ? 'allowed' : 'denied',
        host === entry ? by : `${by}: ${entry}`,
      ]),
    );
  printTable(
    output,
    ['HOST', 'STATE', 'BY'],
    [
      ...rows(rules.agent, 'the agent needs it'),
      ...rows(rules.allow, '--allow'),
      ...rows(rules.deny, '--deny').filter(([host]) => !open.has(host!)),
    ],
  );
  if (blocked.length === 0) return;
  const now = new Date();
  output.print('');
  printTable(
    output,
    ['BLOCKED', 'TIMES', 'LAST', 'ALLOWED BY'],
    blocked.map((entry) => {
      const allowed = entryFor(entry);
      return [
        `${entry.host}:${entry.port}${reasons[entry.why]}`,
        String(entry.count),
        `${age(entry.last, now)} ago`,
        allowed === undefined ? '-' : `--allow '${allowed}'`,
      ];
    }),
  );
}
