import type { HostRules } from './network-rules.ts';
import { hostPattern } from './network-rules.ts';

/** What a session asked for and was refused. */
export interface BlockedHost {
  readonly host: string;
  readonly port: number;
  /** `host`: its name or port is not allowed. `name`: TLS asked for it in another's tunnel. `address`: it is private. */
  readonly why: 'host' | 'name' | 'address';
  readonly count: number;
  readonly last: Date;
}

/** How many are kept with a session that does not run: the newest. */
const room = 50;

/** Reads what `paude-proxy blocked` says: `HOST PORT WHY COUNT LAST` a line. What is not of this form is left out. */
export function parseLedger(text: string): readonly BlockedHost[] {
  return text.split('\n').flatMap((line) => {
    const match = /^(\S{1,255}) ([0-9]{1,5}) (host|name|address) ([0-9]{1,12}) ([0-9]{1,12})$/.exec(line);
    if (match === null) return [];
    const [, host = '', port, why, count, last] = match;
    return [
      {
        host,
        port: Number(port),
        why: why as BlockedHost['why'],
        count: Number(count),
        last: new Date(Number(last) * 1000),
      },
    ];
  });
}

/** The same text again, of as many as are kept. */
export function formatLedger(blocked: readonly BlockedHost[]): string {
  return blocked
    .slice(0, room)
    .map(({ host, port, why, count, last }) =>
      [host, port, why, count, Math.floor(last.getTime() / 1000)].join(' '),
    )
    .join('\n');
}

/** What was kept and what came since, each once, the newest first. */
export function addedUp(kept: readonly BlockedHost[], since: readonly BlockedHost[]): readonly BlockedHost[] {
  const all = new Map<string, BlockedHost>();
  for (const entry of [...kept, ...since]) {
    const key = [entry.host, entry.port, entry.why].join(' ');
    const count = (all.get(key)?.count ?? 0) + entry.count;
    all.set(key, { ...entry, count });
  }
  return [...all.values()].sort((a, b) => b.last.getTime() - a.last.getTime());
}

/** What rules would refuse again: who has allowed a host since need not be told of it. */
export function stillBlocked(
  blocked: readonly BlockedHost[],
  { allowed, denied }: HostRules,
): readonly BlockedHost[] {
  const among = (rules: HostRules['allowed'], { host, port }: BlockedHost) =>
    rules.some((rule) => rule.port === port && new RegExp(hostPattern(rule)).test(host));
  return blocked.filter((entry) => entry.why !== 'host' || !among(allowed, entry) || among(denied, entry));
}

/** What has to be allowed for it to work: the value of `--allow`. */
export function entryFor({ host, port, why }: BlockedHost): string {
  return `${why === 'address' ? 'private:' : ''}${host}${port === 443 ? '' : `:${port}`}`;
}
