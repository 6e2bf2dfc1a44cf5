import { domainToASCII } from 'node:url';
import { PaudeError } from '../errors.ts';

/** One thing that a session may reach: a host, or hosts, at one port. */
export interface HostRule {
  /**
   * A name in its normal form: lower case, no dot at the end, ASCII. `*.example.com` stands for every name below
   * example.com, and `*-api.example.com` for each label that ends so.
   */
  readonly host: string;
  readonly port: number;
  /** `http`: requests in the clear. `tls`: a tunnel, in which TLS must name the same host. */
  readonly scheme: 'tls' | 'http';
  /** It may resolve to a private address. */
  readonly isPrivate: boolean;
}

const ports: Readonly<Record<HostRule['scheme'], number>> = { tls: 443, http: 80 };

/**
 * Reads HOST, HOST:PORT, *.DOMAIN, http://HOST[:PORT], https://HOST[:PORT], each also after `private:`. Port 80
 * stands for requests in the clear. Throws USAGE.
 */
export function parseHostRule(text: string): HostRule {
  // Of `evil.com#.github.com` Node would make evil.com.
  const match = /^(private:)?(?:(https?):\/\/)?([^:/\\?#%\s\p{Cc}]+)(?::([0-9]{1,5}))?\/?$/u.exec(
    text.trim(),
  );
  if (match === null) throw refused(text, 'it is not a host, HOST:PORT or http://HOST:PORT');
  const [, isPrivate, scheme, name = '', given] = match;
  const host = normalHost(text, name);
  const kind = scheme === 'http' || (scheme === undefined && Number(given) === ports.http) ? 'http' : 'tls';
  const port = given === undefined ? ports[kind] : Number(given);
  if (port < 1 || port > 65_535) throw refused(text, `${given} is not a port`);
  return { host, port, scheme: kind, isPrivate: isPrivate !== undefined };
}

/** The shortest text that reads as this rule. */
export function formatHostRule({ host, port, scheme, isPrivate }: HostRule): string {
  const name = port === ports.tls && scheme === 'tls' ? host : `${host}:${port}`;
  const needsScheme = scheme === 'http' ? port !== ports.http : port === ports.http;
  return `${isPrivate ? 'private:' : ''}${needsScheme ? `${scheme === 'http' ? 'http' : 'https'}://` : ''}${name}`;
}

function normalHost(text: string, name: string): string {
  const [, star = '', rest = ''] = /^(\*)?(.*)$/.exec(name) ?? [];
  if (star !== '' && !/^[.-]/.test(rest)) throw refused(text, '* stands at the beginning, before . or -');
  // Node gives an empty text for what can't be a host, and a number for what stands for an address.
  const ascii = domainToASCII((star === '' ? rest : rest.slice(1)).replace(/\.$/, ''));
  const labels = ascii.split('.');
  if (!labels.every((label) => /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$/.test(label)) || ascii.length > 200)
    throw refused(text, 'it is not the name of a host');
  if (/^[0-9]+$/.test(labels.at(-1)!) || ascii === 'localhost')
    throw refused(text, 'only names can be allowed, and no addresses');
  if (star !== '' && labels.length < 2) throw refused(text, `* would stand for all of .${ascii}`);
  return star === '' ? ascii : `${star}${rest[0]}${ascii}`;
}

function refused(text: string, why: string): PaudeError {
  return new PaudeError('USAGE', `${JSON.stringify(text)} can't be allowed: ${why}`, {
    hint: "write HOST, HOST:PORT or '*.example.com', or one of the words that git paude network -h lists",
  });
}
