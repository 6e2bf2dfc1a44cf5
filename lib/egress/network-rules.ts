import { PaudeError } from '../errors.ts';
import { formatHostRule, parseHostRule, type HostRule } from './host-rule.ts';
import { hostGroups } from './host-groups.ts';

/**
 * What a session may reach, as it is kept with it: words and hosts, each as formatHostRule writes it. In `deny`,
 * `HOST:*` stands for a host at every port, also at those that a later start's agent needs.
 */
export interface NetworkRules {
  /** What the agent needs, by the shell that last started it; what it can't work without first. */
  readonly agent: readonly string[];
  /** What the user allowed besides. */
  readonly allow: readonly string[];
  /** What the user took back; goes before both, but for a port of the very host that was allowed since. */
  readonly deny: readonly string[];
  /** The last start found that nothing holds it to these rules, and the user went on. */
  readonly unenforced?: boolean;
  /** What it was refused until it was last stopped, as `formatLedger` writes it. */
  readonly blocked?: string;
}

const everyPort = ':*';

/** The same as hosts, each once and in one order, so that equal rules give equal text. */
export interface HostRules {
  readonly allowed: readonly HostRule[];
  readonly denied: readonly HostRule[];
}

/** A word such as `npm`, or a host, in the form in which it is kept with what is allowed. Throws USAGE. */
export function normalEntry(text: string): string {
  const word = text.trim().toLowerCase();
  return Object.hasOwn(hostGroups, word) ? word : formatHostRule(parseHostRule(text));
}

/** The hosts that an entry stands for. */
function hostsOf(entry: string): readonly HostRule[] {
  return (Object.hasOwn(hostGroups, entry) ? hostGroups[entry]! : [entry]).map(parseHostRule);
}

/** The hosts of an entry of any of the three lists, each as it is shown. */
export function shownHosts(entry: string): readonly string[] {
  return isEveryPort(entry) ? [entry] : hostsOf(entry).map(formatHostRule);
}

export function hostRulesOf({ agent, allow, deny }: NetworkRules): HostRules {
  const wanted = [...agent, ...allow].flatMap(hostsOf);
  const denied = sorted(
    deny.flatMap((entry) =>
      isEveryPort(entry) ? atEachPort(entry, wanted, allow) : hostsOf(entry).flatMap(inEachScheme),
    ),
  );
  const isDenied = (rule: HostRule) =>
    denied.some((other) => other.scheme === rule.scheme && covers(other, rule));
  return { allowed: sorted(wanted).filter((rule) => !isDenied(rule)), denied };
}

/** What is denied at a port is denied through TLS and in the clear. */
function inEachScheme(rule: HostRule): readonly HostRule[] {
  return [
    { ...rule, scheme: 'tls' },
    { ...rule, scheme: 'http' },
  ];
}

/** `HOST:*` as it is wanted of names of it, but for the ports and schemes of that very host that were allowed since. */
function atEachPort(
  entry: string,
  wanted: readonly HostRule[],
  allow: readonly string[],
): readonly HostRule[] {
  const host = hostDenied(entry);
  const since = hostsAlone(allow).filter((rule) => rule.host === host.host);
  const isSince = ({ port, scheme }: HostRule) =>
    since.some((rule) => rule.port === port && rule.scheme === scheme);
  return wanted
    .filter((rule) => !isSince(rule) && (coversName(host, rule) || coversName(rule, host)))
    .map(({ port, scheme }) => ({ ...host, port, scheme }));
}

/** The host of a `HOST:*`; its port says nothing. */
function hostDenied(entry: string): HostRule {
  return parseHostRule(entry.slice(0, -everyPort.length));
}

/** Whether it is a `HOST:*`. */
export function isEveryPort(entry: string): boolean {
  return entry.endsWith(everyPort);
}

/** What was allowed by its own name, and not by a word. */
function hostsAlone(entries: readonly string[]): readonly HostRule[] {
  return entries.filter((entry) => !Object.hasOwn(hostGroups, entry)).map(parseHostRule);
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
 * What rules become when entries are allowed and denied; the last word counts. A name that is denied without a port, or
 * as `HOST:*`, is denied at every port, and what was allowed of it is taken back. To allow `HOST:*` takes back no more
 * than that denial. Throws USAGE for what would have no effect.
 */
export function changedRules(
  rules: NetworkRules,
  change: { readonly allow: readonly string[]; readonly deny: readonly string[] },
): NetworkRules {
  const undenied = change.allow.filter(saysEveryPort).map(wholeHost);
  const allow = change.allow.filter((entry) => !saysEveryPort(entry)).map(normalEntry);
  const deny = change.deny.map((entry) => (isWholeHost(entry) ? wholeHost(entry) : normalEntry(entry)));
  const back = [...undenied, ...allow.map(bare), ...change.allow.filter(isWholeHost).map(wholeHost)];
  const twice = deny.find((entry) => back.includes(bare(entry)));
  if (twice !== undefined)
    throw new PaudeError('USAGE', `${named(twice)} is both allowed and denied`, {
      hint: 'leave one of them out',
    });
  for (const entry of undenied) refuseUndenied(entry, rules.deny);
  const changed = {
    ...rules,
    allow: union(
      rules.allow.filter((entry) => !deny.some((other) => closes(other, entry))),
      allow,
    ),
    deny: union(
      rules.deny.filter((entry) => !back.includes(bare(entry))),
      deny,
    ),
  };
  for (const entry of allow) refuseCovered(entry, changed.deny);
  return changed;
}

/** A host without a port, and no word; or what says every port. */
function isWholeHost(text: string): boolean {
  const word = text.trim().toLowerCase();
  return !Object.hasOwn(hostGroups, word) && /^(private:)?[^:/]+(:\*)?$/.test(word);
}

/** `HOST:*`, as a denial is shown. */
function saysEveryPort(text: string): boolean {
  return isWholeHost(text) && isEveryPort(text.trim());
}

function wholeHost(text: string): string {
  return `${parseHostRule(text.trim().replace(/:\*$/, '')).host}${everyPort}`;
}

/** A denial as it is said: of a host at every port, the host. */
function named(denied: string): string {
  return isEveryPort(denied) ? hostDenied(denied).host : denied;
}

/** Whether a denial stands for all of what was allowed. */
function closes(denied: string, entry: string): boolean {
  if (denied === entry) return true;
  const covering = isEveryPort(denied)
    ? (rule: HostRule) => coversName(hostDenied(denied), rule)
    : (rule: HostRule) => hostsOf(denied).some((other) => covers(other, rule));
  return hostsAlone([entry]).some(covering);
}

/** What may resolve to a private address is the same host. */
function bare(entry: string): string {
  return entry.replace(/^private:/, '');
}

function refuseCovered(entry: string, deny: readonly string[]): void {
  const over = deny.find((other) =>
    isEveryPort(other) ? closesPartly(other, entry) : coversPartly(other, entry),
  );
  if (over === undefined) return;
  const name = named(over);
  throw new PaudeError('USAGE', `${entry} stays closed: ${name} is denied`, {
    hint: `allow that again: --allow '${name}'`,
  });
}

function refuseUndenied(entry: string, deny: readonly string[]): void {
  if (deny.includes(entry)) return;
  const name = named(entry);
  throw new PaudeError(
    'USAGE',
    `${entry} takes back what is denied, and ${name} is not denied at every port`,
    {
      hint: `allow it at a port: --allow '${name}', --allow '${name}:PORT'`,
    },
  );
}

function coversPartly(denied: string, entry: string): boolean {
  return hostsOf(denied).some((rule) => hostsOf(entry).some((one) => covers(rule, one)));
}

/** A port of the very host is an exception to a `HOST:*`, unless a word stands for it. */
function closesPartly(denied: string, entry: string): boolean {
  const host = hostDenied(denied);
  return Object.hasOwn(hostGroups, entry)
    ? hostsOf(entry).some((rule) => coversName(host, rule))
    : host.host !== parseHostRule(entry).host && closes(denied, entry);
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
