import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Surroundings } from '../egress/ways-out.ts';

/** The world outside of sessions, as one place of theirs sees it: servers of the tests' own, with names in its DNS. */
export interface Outside {
  readonly surroundings: Surroundings;
  /** The environment in which sessions are made there, so that their proxies ask the right name server. */
  readonly env: NodeJS.ProcessEnv;
  /** The whole name of one of its names; `private` is one of a private address, `api` that of the model. */
  name(of: string): string;
  /** What its servers were asked: `asked NAME METHOD URL AGENT` a line. */
  asked(): string;
  /** A stand-in for the model answers at `api` from now on, by this script (test/harness/model.mjs). */
  startModel(script: readonly unknown[]): Promise<void>;
  /** A company's proxy, a real one, that wants to know who asks: USER:PASSWORD. */
  startCompanyProxy(login: string): Promise<CompanyProxy>;
  end(): void;
}

export interface CompanyProxy {
  readonly host: string;
  readonly port: number;
  /** The same by TLS; its certificate has the name, and not the host. */
  readonly tls: { readonly name: string; readonly port: number };
  /** What it was asked, with who asked, as squid logs it. */
  log(): string;
}

const beside = (file: string) => fileURLToPath(new URL(file, import.meta.url));

export const serverProgram = beside('server.mjs');
export const modelProgram = readFileSync(beside('../harness/model.mjs'));
/** Where a stand-in for the model listens, on the server's own machine. */
export const modelPort = '41415';

/** Runs a squid of the proxy's image that lets in who has the login in LOGIN, by TLS with CERTIFICATE; a script of sh. */
export const companyScript = `cd /tmp
printf '%s' "$CERTIFICATE" >company.pem
printf '%s:%s\\n' "\${LOGIN%%:*}" "$(openssl passwd -apr1 "\${LOGIN#*:}")" >passwd
cat >company.conf <<'END'
http_port 3128
https_port 3129 tls-cert=/tmp/company.pem
auth_param basic program /usr/lib/squid/basic_ncsa_auth /tmp/passwd
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
cache deny all
pinger_enable off
netdb_filename none
pid_filename none
coredump_dir /tmp
shutdown_lifetime 0 seconds
cache_log stdio:/dev/stderr
access_log stdio:/dev/stdout
END
exec squid -N -f /tmp/company.conf`;

export const companyIsThere = /Accepting HTTPS Socket connections/;
