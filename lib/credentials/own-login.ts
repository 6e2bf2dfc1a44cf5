import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Agent, OwnLogin } from '../agents/agent.ts';
import type { Host } from './host.ts';
import { formatJson, onlyKeys, parseJson, valueAt, withoutKeys } from './json-keys.ts';
import type { Plan } from './plan.ts';
import { readJson } from './read-json.ts';
import { agentFolder } from './plan-agent.ts';

/**
 * Of the agent's own login, the access token with its expiry: what renews it is used up when it is used, and would
 * log the user out at home. Undefined for what can't be read as a login.
 */
export function ownLoginContent(login: OwnLogin, content: Buffer | string): Buffer | undefined {
  const json = parseJson(content);
  if (json === undefined) return undefined;
  if (valueAt(json, login.token) !== undefined) return formatJson(onlyKeys(json, login.keys));
  const rest = withoutKeys(json, /refresh.?token|^mcpOAuth$/i);
  return Object.keys(rest as object).length === 0 ? undefined : formatJson(rest);
}

/** What the keychain calls the agent's login. */
export function keychainName({ configuration }: Agent, host: Host): string {
  const { login, variable } = configuration;
  if (!host.env[variable]) return login.keychain;
  const folder = agentFolder(configuration, host).normalize('NFC');
  return `${login.keychain}-${createHash('sha256').update(folder).digest('hex').slice(0, 8)}`;
}

/** When the access token that goes ends; the last one, where there are several. */
export async function ownLoginEnds(agent: Agent, host: Host): Promise<Date | undefined> {
  const { login } = agent.configuration;
  const folder = agentFolder(agent.configuration, host);
  const secret = host.platform === 'darwin' ? await host.keychain(keychainName(agent, host)) : undefined;
  const found = [
    ...(await Promise.all(login.files.map((file) => readJson(join(folder, file))))),
    secret === undefined ? undefined : parseJson(secret),
  ];
  const ends = found.flatMap((json) => {
    const value = json === undefined ? undefined : valueAt(json, login.expires);
    return typeof value === 'number' ? [value] : [];
  });
  return ends.length === 0 ? undefined : new Date(Math.max(...ends));
}

/** The login of the keychain, where the platform has one: it lands where the file would. */
export async function planKeychain(agent: Agent, host: Host): Promise<Plan> {
  if (host.platform !== 'darwin') return { going: [], staying: [] };
  const { login, folder } = agent.configuration;
  const name = keychainName(agent, host);
  const secret = await host.keychain(name);
  const content = secret === undefined ? undefined : ownLoginContent(login, secret);
  if (content === undefined) return { going: [], staying: [] };
  const going = {
    part: 'login',
    to: `home/${folder}/${login.files[0]}`,
    from: `the keychain's ${name}`,
    why: 'the access token of it, never what renews it',
    size: content.length,
    source: { type: 'content', content },
  } as const;
  return { going: [going], staying: [] };
}
