import { PaudeError } from '../errors.ts';
import { formatHostRule, parseHostRule, type HostRule } from './host-rule.ts';
import { hostGroups } from './host-groups.ts';

/** What a session may reach, as it is kept with it: words and hosts, each as formatHostRule writes it. */
export interface NetworkRules {
  /** What the agent needs, by the shell that last started it. */
  readonly agent: readonly string[];
  /** What the user allowed besides. */
  readonly allow: readonly string[];
  /** What the user took back; goes before both. */
  readonly deny: readonly string[];
  /** The last start found that nothing holds it to these rules, and the user went on. */
  readonly unenforced?: boolean;
  /** What it was refused until it was last stopped, as `formatLedger` writes it. */
  readonly blocked?: string;
}

/** The same as hosts, each once and in one order, so that equal rules give equal text. */
export interface HostRules {
  readonly allowed: readonly HostRule[];
  readonly denied: readonly HostRule[];
}

/** A word such as `npm`, or a host, in the form in which it is kept. Throws USAGE. */
export function normalEntry(text: string): string {
  const word = text.trim().toLowerCase();
  return Object.hasOwn(hostGroups, word) ? word : formatHostRule(parseHostRule(text));
}

/** The hosts that an entry stands for. */
export function hostsOf(entry: string): readonly HostRule[] {
  return (Object.hasOwn(hostGroups, entry) ? hostGroups[entry]! : [entry]).map(parseHostRule);
}

export function hostRulesOf({ agent, allow, deny }: NetworkRules): HostRules {
  const denied = sorted(deny.flatMap(hostsOf));
  const allowed = sorted([...agent, ...allow].flatMap(hostsOf));
  return { allowed: allowed.filter((rule) => !denied.some((other) => covers(other, rule))), denied };
}

function sorted(rules: readonly HostRule[]): readonly HostRule[] {
  const byText = new Map(rules.map((rule) => [formatHostRule(rule), rule]));
  return [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, rule]) => rule);
}

function covers(rule: HostRule, other: HostRule): boolean {
  return rule.port === other.port && coversName(rule, other);
}

/** Whether every name that the second stands for is one of the first's. A pattern is asked by a name of no one. */
function coversName(rule: HostRule, other: HostRule): boolean {
  return new RegExp(hostPattern(rule)).test(other.host.replace('*', 'any_name_at_all'));
}

/**
 * What rules become when entries are allowed and denied. A name that is denied without a port is denied at each port at
 * which it is allowed, and given back so, too. Throws USAGE for what would have no effect.
 */
export function changedRules(
  rules: NetworkRules,
  change: { readonly allow: readonly string[]; readonly deny: readonly string[] },
): NetworkRules {
  const allow = change.allow.map(normalEntry);
  const deny = change.deny.map(normalEntry);
  const twice = allow.find((entry) => deny.includes(entry));
  if (twice !== undefined)
    throw new PaudeError('USAGE', `${twice} is both allowed and denied`, { hint: 'leave one of them out' });
  const whole = change.allow.filter(isWholeHost).map(normalEntry);
  const givenBack = (entry: string) =>
    allow.some((one) => bare(one) === bare(entry)) ||
    whole.some((one) => rules.deny.map(bare).includes(bare(one)) && isOfHost(entry, one));
  const besides = change.deny.filter(isWholeHost).flatMap((entry) => otherPorts(entry, rules));
  const changed = {
    ...rules,
    allow: union(rules.allow, allow).filter((entry) => !deny.includes(entry)),
    deny: union(rules.deny, [...deny, ...besides]).filter((entry) => !givenBack(entry)),
  };
  for (const entry of allow) refuseCovered(entry, changed.deny);
  return changed;
}

/** A host without a port, and no word. */
function isWholeHost(text: string): boolean {
  const word = text.trim().toLowerCase();
  return !Object.hasOwn(hostGroups, word) && /^(private:)?[^:/]+$/.test(word);
}

/** A host at each further port at which rules allow it, or names that it stands for. */
function otherPorts(entry: string, { agent, allow }: NetworkRules): readonly string[] {
  const denied = parseHostRule(entry);
  return [...agent, ...allow]
    .flatMap(hostsOf)
    .filter((rule) => rule.port !== denied.port && (coversName(denied, rule) || coversName(rule, denied)))
    .map(({ port, scheme }) => formatHostRule({ host: denied.host, port, scheme, isPrivate: false }));
}

function isOfHost(entry: string, host: string): boolean {
  return !Object.hasOwn(hostGroups, entry) && parseHostRule(entry).host === parseHostRule(host).host;
}

/** What may resolve to a private address is the same host. */
function bare(entry: string): string {
  return entry.replace(/^private:/, '');
}

function refuseCovered(entry: string, deny: readonly string[]): void {
  const over = deny.find((other) =>
    hostsOf(other).some((rule) => hostsOf(entry).some((one) => covers(rule, one))),
  );
  if (over === undefined) return;
  throw new PaudeError('USAGE', `${entry} stays closed: ${over} is denied`, {
    hint: `allow that again: --allow '${over}'`,
  });
}

function union(present: readonly string[], added: readonly string[]): readonly string[] {
  return [...new Set([...present, ...added])].sort();
}

/** A regular expression of the names that a rule stands for, in lower case; POSIX's extended ones read it, too. */
export function hostPattern({ host }: HostRule): string {
  const escaped = (text: string) => text.replaceAll('.', '\\.');
  if (host.startsWith('*.')) return `^([a-z0-9_-]+\\.)+${escaped(host.slice(2))}$`;
  if (host.startsWith('*')) return `^[a-z0-9_-]+${escaped(host.slice(1))}$`;
  return `^${escaped(host)}$`;
}
