import { PaudeError } from '../errors.ts';
import type { UpstreamProxy } from './proxy-configuration.ts';

/** A proxy of the user's own network, as its URL says it: what is kept with a session, and what never is. */
export interface Upstream {
  readonly proxy: UpstreamProxy;
  /** The URL without user and password. */
  readonly url: string;
  /** USER:PASSWORD, a secret. */
  readonly login?: string;
}

/** Reads http://[USER:PASSWORD@]HOST:PORT, or https. Throws USAGE, without the password. */
export function parseUpstream(text: string): Upstream {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const tls = url?.protocol === 'https:';
  const isHttp = tls || url?.protocol === 'http:';
  if (url === undefined || !isHttp || url.port === '0' || !/^[A-Za-z0-9._-]+$/.test(url.hostname)) {
    throw new PaudeError('USAGE', 'the upstream proxy is not a URL such as http://proxy.example.com:3128', {
      hint: '--upstream-proxy=http://HOST:PORT',
    });
  }
  const port = url.port === '' ? (tls ? 443 : 80) : Number(url.port);
  const login = loginOf(url);
  return {
    proxy: { host: url.hostname, port, tls },
    url: `${url.protocol}//${url.hostname}:${port}`,
    ...(login === undefined ? {} : { login }),
  };
}

/** What no header can carry is refused (RFC 7617), and what squid reads as something else (cache_peer, login=). */
function loginOf({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  const [user, secret] = [decoded(username), decoded(password)];
  if (!/^(\*|NEGOTIATE)|:/.test(user) && !/\p{Cc}/u.test(user + secret)) return `${user}:${secret}`;
  throw new PaudeError('USAGE', 'the login to the upstream proxy is none that can be sent', {
    hint: 'no user begins with * or NEGOTIATE or has a colon in it, and neither part has control characters',
  });
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new PaudeError(
      'USAGE',
      'the user or the password of the upstream proxy has a % that begins no code',
      {
        hint: 'write each % of them as %25: --upstream-proxy=http://USER:PASSWORD@HOST:PORT',
      },
    );
  }
}
