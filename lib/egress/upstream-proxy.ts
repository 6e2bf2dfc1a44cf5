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
  if (url === undefined || !(tls || url.protocol === 'http:') || !/^[A-Za-z0-9._-]+$/.test(url.hostname)) {
    throw new PaudeError('USAGE', 'the upstream proxy is not a URL such as http://proxy.example.com:3128', {
      hint: '--upstream-proxy=http://HOST:PORT',
    });
  }
  const port = url.port === '' ? (tls ? 443 : 80) : Number(url.port);
  const login = url.username === '' ? undefined : [url.username, url.password].map(decoded).join(':');
  return {
    proxy: { host: url.hostname, port, tls },
    url: `${url.protocol}//${url.hostname}:${port}`,
    ...(login === undefined ? {} : { login }),
  };
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
