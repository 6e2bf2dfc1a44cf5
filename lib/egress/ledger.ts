import { formatHostRule, type HostRule } from './host-rule.ts';
import { hostPattern, type HostRules } from './network-rules.ts';

/** What a session asked for and was refused. */
export interface BlockedHost {
  readonly host: string;
  readonly port: number;
  /** `http`: it was asked for in the clear. `tls`: through a tunnel. */
  readonly scheme: HostRule['scheme'];
  /**
   * `host`: its name or port is not allowed. `name`: TLS asked for it in another's tunnel. `address`: it is private.
   * `literal`: it is an address itself, and only names can be allowed.
   */
  readonly why: 'host' | 'name' | 'address' | 'literal';
  readonly count: number;
  readonly last: Date;
}

/** How many are kept with a session that does not run: the newest. */
const room = 50;

/**
 * Reads what `paude-proxy blocked` says: `HOST PORT WHY COUNT LAST` a line, `http://` or `https://` before a host that
 * was asked for otherwise than its port stands for. What is not of this form, with a host as the proxy writes it, is
 * left out: it may have been kept with a session by somebody else.
 */
export function parseLedger(text: string): readonly BlockedHost[] {
  return text.split('\n').flatMap((line) => {
    const match =
      /^(?:(https?):\/\/)?([a-z0-9._:?[\]-]{1,255}) ([0-9]{1,5}) (host|name|address|literal) ([0-9]{1,12}) ([0-9]{1,12})$/.exec(
        line,
      );
    if (match === null) return [];
    const [, said, host = '', port, why, count, last] = match;
    return [
      {
        host,
        port: Number(port),
        scheme: said === undefined ? usualScheme(Number(port)) : said === 'http' ? 'http' : 'tls',
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
    .map((entry) => {
      const { port, why, count, last } = entry;
      return [named(entry), port, why, count, Math.floor(last.getTime() / 1000)].join(' ');
    })
    .join('\n');
}

function usualScheme(port: number): BlockedHost['scheme'] {
  return port === 80 ? 'http' : 'tls';
}

function named({ host, port, scheme }: BlockedHost): string {
  if (scheme === usualScheme(port)) return host;
  return `${scheme === 'http' ? 'http' : 'https'}://${host}`;
}

/** What was kept and what came since, each once, the newest first. */
export function addedUp(kept: readonly BlockedHost[], since: readonly BlockedHost[]): readonly BlockedHost[] {
  const all = new Map<string, BlockedHost>();
  for (const entry of [...kept, ...since]) {
    const key = [named(entry), entry.port, entry.why].join(' ');
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
  const among = (rules: readonly HostRule[], { host, port, scheme }: BlockedHost) =>
    rules.some(
      (rule) => rule.port === port && rule.scheme === scheme && new RegExp(hostPattern(rule)).test(host),
    );
  return blocked.filter((entry) => {
    const fitting = allowed.filter(({ isPrivate }) => isPrivate || entry.why === 'host');
    return entry.why === 'name' || !among(fitting, entry) || among(denied, entry);
  });
}

/** What has to be allowed for it to work: the value of `--allow`. Undefined where nothing can be. */
export function entryFor({ host, port, scheme, why }: BlockedHost): string | undefined {
  if (why === 'literal' || why === 'name') return undefined;
  return formatHostRule({ host, port, scheme, isPrivate: why === 'address' });
}
