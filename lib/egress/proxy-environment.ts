/** Where a session's proxy listens. */
export const proxyPort = 3128;

const local = ['localhost', '127.0.0.1', '::1'];

/** The address of the proxy that an environment names, as `proxyEnvironment` makes it. */
export function proxyAddressIn(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const url = env['HTTPS_PROXY'];
  return url !== undefined && URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : undefined;
}

/**
 * What makes programs find the proxy, at this address. Both cases, for curl reads only `http_proxy` and others only
 * the other; git, pip, npm, apt, cargo and go read these, Node its own switch (from 22.21 and 24 on), Java options. The
 * session itself sees by it that it is filtered: a machine's own proxy is in others' environment as well.
 */
export function proxyEnvironment(address: string): Readonly<Record<string, string>> {
  const host = address.includes(':') ? `[${address}]` : address;
  const url = `http://${host}:${proxyPort}`;
  const both = Object.entries({
    HTTP_PROXY: url,
    HTTPS_PROXY: url,
    ALL_PROXY: url,
    NO_PROXY: local.join(','),
  });
  const java = ['http', 'https'].map(
    (scheme) => `-D${scheme}.proxyHost=${address} -D${scheme}.proxyPort=${proxyPort}`,
  );
  return {
    PAUDE_FILTERED: '1',
    ...Object.fromEntries(
      both.flatMap(([name, value]) => [
        [name, value],
        [name.toLowerCase(), value],
      ]),
    ),
    NODE_USE_ENV_PROXY: '1',
    CARGO_HTTP_PROXY: url,
    JAVA_TOOL_OPTIONS: `${java.join(' ')} -Dhttp.nonProxyHosts=localhost|127.*|[::1]`,
  };
}
