import { hostPattern, type HostRules } from './network-rules.ts';
import type { HostRule } from './host-rule.ts';

/** A proxy of the user's own network, which is the only way out of it. */
export interface UpstreamProxy {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

/** Where the proxy's image keeps what this configuration names; the files are made by its start. */
const folder = '/run/proxy';

/** Addresses that are nobody's on the internet (IANA's special-purpose registries). */
const private4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.0.0.0/24', '192.168.0.0/16', '198.18.0.0/15', '224.0.0.0/3'],
  // Where Azure's machines are told of themselves (its documentation: IP address 168.63.129.16).
  '168.63.129.16/32',
];
const private6 = [
  ...['::/128', '::1/128', '64:ff9b:1::/48', '2001::/32', '2002::/16'],
  ...['fc00::/7', 'fe80::/10', 'fec0::/10', 'ff00::/8'],
];

/** Where there is IPv6 alone, NAT64 gives what has an IPv4 address one of 64:ff9b::/96 (RFC 6052). */
function translated(range: string): string {
  const [a, b, c, d, bits] = range.split(/[./]/).map(Number) as [number, number, number, number, number];
  return `64:ff9b::${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}/${96 + bits}`;
}

/**
 * The configuration of squid 5 and later (squid.conf(5)), pure text. A refusal by name or port is answered in the
 * clear: `http_access` would show it as a certificate's error, so it lets the refused pass, `ssl_bump none` takes
 * them, and `miss_access` refuses. Nothing is decrypted: TLS is looked at for the name that it asks for, and passed
 * on where that is the name of the tunnel.
 */
export function proxyConfiguration(rules: HostRules, upstream?: UpstreamProxy): string {
  return [
    `http_port 127.0.0.1:3129 ssl-bump generate-host-certificates=off cert=${folder}/certificate.pem`,
    'acl connect method CONNECT',
    'acl plain proto HTTP',
    // Else `evil.com/.example.com` and `user@x.example.com` would match a name's end.
    'acl weird dstdom_regex -n [^A-Za-z0-9._-]',
    'acl step1 at_step SslBump1',
    ...[private4, private4.map(translated), private6].map((ranges) => `acl private dst ${ranges.join(' ')}`),
    // Made where it runs: its own network, its node, the machine.
    `acl private dst "${folder}/own-ranges"`,
    ...nameRules('tls', rules),
    ...nameRules('http', rules),
    ...privateNames(rules.allowed.filter(({ isPrivate }) => isPrivate)),
    // With no server name in TLS, squid's own ACLs would fall back to the tunnel's.
    `external_acl_type same_name ttl=60 negative_ttl=1 children-max=4 children-startup=1 children-idle=1 %>rd %ssl::>sni ${folder}/same-name`,
    'acl same_name external same_name',
    // The cache manager and TRACE would answer otherwise.
    'acl answered_here method TRACE PURGE',
    'http_access deny answered_here',
    'http_access deny !connect !http_ok',
    'http_access allow connect !tls_ok',
    'http_access deny private !may_be_private',
    'http_access allow all',
    'miss_access deny connect !tls_ok',
    'ssl_bump none !tls_ok',
    'ssl_bump peek step1',
    'ssl_bump splice same_name',
    'ssl_bump terminate all',
    ...(upstream === undefined ? [] : upstreamLines(upstream)),
    ...settings,
    '',
  ].join('\n');
}

/** `SCHEME_ok`: what may be asked for by name and port. One name a line, for squid's lines have an end. */
function nameRules(scheme: HostRule['scheme'], { allowed, denied }: HostRules): readonly string[] {
  const ports = [...new Set(allowed.flatMap((rule) => (rule.scheme === scheme ? [rule.port] : [])))];
  const lines = ports.flatMap((port) => {
    const of = (rules: readonly HostRule[]) =>
      rules.filter((rule) => rule.scheme === scheme && rule.port === port).map(hostPattern);
    const [yes, no] = [of(allowed), of(denied)];
    return [
      `acl ${scheme}_port_${port} port ${port}`,
      ...yes.map((pattern) => `acl ${scheme}_names_${port} dstdom_regex -n -i ${pattern}`),
      ...no.map((pattern) => `acl ${scheme}_denied_${port} dstdom_regex -n -i ${pattern}`),
      `acl ${scheme}_${port} all-of ${scheme === 'tls' ? 'connect' : 'plain !connect'} !weird ` +
        `${scheme}_port_${port} ${scheme}_names_${port}${no.length === 0 ? '' : ` !${scheme}_denied_${port}`}`,
    ];
  });
  return [
    ...lines,
    `acl ${scheme}_ok any-of ${ports.map((port) => `${scheme}_${port}`).join(' ') || '!all'}`,
  ];
}

function privateNames(rules: readonly HostRule[]): readonly string[] {
  const lines = rules.flatMap((rule, index) => [
    `acl private_port_${index} port ${rule.port}`,
    `acl private_name_${index} dstdom_regex -n -i ${hostPattern(rule)}`,
    `acl private_${index} all-of private_port_${index} private_name_${index}`,
  ]);
  return [
    ...lines,
    `acl may_be_private any-of ${rules.map((_, index) => `private_${index}`).join(' ') || '!all'}`,
  ];
}

/** The proxy's image puts in who it is to the other one: that stands in its memory only, if anywhere. */
function upstreamLines({ host, port, tls }: UpstreamProxy): readonly string[] {
  const peer = `cache_peer ${host} parent ${port} 0 no-query no-digest no-netdb-exchange default`;
  return [`${peer}${tls ? ' tls' : ''} @UPSTREAM_LOGIN@`, 'never_direct allow all'];
}

/** What squid says of its own to a client that asks for http or for a tunnel. */
const ownErrors = [
  ...['ERR_ACCESS_DENIED', 'ERR_FORWARDING_DENIED', 'ERR_CANNOT_FORWARD', 'ERR_CONNECT_FAIL', 'ERR_DNS_FAIL'],
  ...[
    'ERR_SECURE_CONNECT_FAIL',
    'ERR_SOCKET_FAILURE',
    'ERR_READ_ERROR',
    'ERR_READ_TIMEOUT',
    'ERR_WRITE_ERROR',
  ],
  ...['ERR_ZERO_SIZE_OBJECT', 'ERR_LIFETIME_EXP', 'ERR_INVALID_REQ', 'ERR_INVALID_RESP', 'ERR_INVALID_URL'],
  ...['ERR_CONFLICT_HOST', 'ERR_TOO_BIG', 'ERR_UNSUP_REQ', 'ERR_UNSUP_HTTPVERSION', 'ERR_PROTOCOL_UNKNOWN'],
  ...['ERR_GATEWAY_FAILURE', 'ERR_NO_RELAY', 'ERR_ONLY_IF_CACHED_MISS', 'ERR_SHUTTING_DOWN'],
];

const settings = [
  `hosts_file ${folder}/hosts`,
  'request_timeout 30 seconds',
  'shutdown_lifetime 0 seconds',
  'connect_timeout 15 seconds',
  'dns_timeout 15 seconds',
  'visible_hostname paude-proxy',
  'httpd_suppress_version_string on',
  'via off',
  'forwarded_for delete',
  // The door and the probe go by this header of squid's: a far end's own is taken away.
  ...ownErrors.map((name) => `acl own_error squid_error ${name}`),
  'reply_header_access X-Squid-Error deny !own_error',
  // The door alone says this, to who was refused.
  'reply_header_access Paude-Blocked deny all',
  'cache deny all',
  'cache_mem 0 MB',
  'memory_pools off',
  'pinger_enable off',
  'netdb_filename none',
  'digest_generation off',
  'icp_port 0',
  // Nobody is told apart by the hardware's address, which costs a look for each connection.
  'eui_lookup off',
  'pid_filename none',
  'coredump_dir /tmp',
  'cache_log stdio:/dev/stderr',
  'logformat asked asked %>rs %>rd %>rP %ssl::>sni %ssl::bump_mode %err_code %>rm',
  'access_log stdio:/dev/stdout asked',
];
