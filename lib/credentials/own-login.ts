import { createHash } from 'node:crypto';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Agent, OwnLogin } from '../agents/agent.ts';
import type { Host, Secret } from './host.ts';
import { formatJson, onlyKeys, parseJson, valueAt, withoutKeys } from './json-keys.ts';
import type { Going, Plan, Refusal, Source } from './plan.ts';
import { readNamedJson } from './read-json.ts';
import { agentFolder } from './plan-agent.ts';

/**
 * Of the agent's own login, the access token with its expiry: what renews it is used up when it is used, and would
 * log the user out at home. What is no JSON is being written just then; without a token, the user has logged out.
 */
export function ownLoginContent(login: OwnLogin, content: Buffer | string): Buffer | Refusal {
  const json = parseJson(content);
  if (json === undefined) return { why: "it can't be read as a login", keepsOld: true };
  if (valueAt(json, login.token) !== undefined) return formatJson(onlyKeys(json, login.keys));
  const rest = withoutKeys(json, /refresh.?token|^mcpOAuth$/i);
  if (Object.keys(rest as object).length === 0) return { why: 'there is no login in it', keepsOld: false };
  return formatJson(rest);
}

/** What the keychain calls the agent's login. */
export function keychainName({ configuration }: Agent, host: Host): string {
  const { login, variable } = configuration;
  if (!host.env[variable]) return login.keychain;
  const folder = agentFolder(configuration, host).normalize('NFC');
  return `${login.keychain}-${createHash('sha256').update(folder).digest('hex').slice(0, 8)}`;
}

/**
 * The login that the keychain has under the account that the agent uses. Under another one, an older version of it may
 * have left a login that has long been over.
 */
export function keychainLogin(agent: Agent, host: Host): Promise<Secret> {
  const user = host.env['USER'] || userInfo().username;
  const account = /^[\w.-]+$/.test(user) ? user : agent.configuration.login.nobody;
  return host.keychain(keychainName(agent, host), account);
}

/** When the access token that goes ends; the last one, where there are several. */
export async function ownLoginEnds(agent: Agent, host: Host): Promise<Date | undefined> {
  const { login } = agent.configuration;
  const folder = agentFolder(agent.configuration, host);
  const secret = host.platform === 'darwin' ? await keychainLogin(agent, host) : undefined;
  const found = [
    ...(await Promise.all(login.files.map((file) => readNamedJson(join(folder, file), folder)))).map((one) =>
      'json' in one ? one.json : undefined,
    ),
    secret?.type === 'secret' ? parseJson(secret.text) : undefined,
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
  const secret = await keychainLogin(agent, host);
  if (secret.type === 'none') return { going: [], staying: [] };
  const from = `the keychain's ${name}`;
  const content = secret.type === 'secret' ? ownLoginContent(login, secret.text) : unread(secret.why);
  if ('why' in content && !content.keepsOld)
    return { going: [], staying: [{ from, why: content.why, size: 0 }] };
  const source: Source =
    'why' in content ? { type: 'unreadable', why: content.why } : { type: 'content', content };
  const going: Going = {
    part: 'tokens',
    to: `home/${folder}/${login.files[0]}`,
    from,
    why: 'the access token of it, never what renews it',
    size: 'why' in content ? 0 : content.length,
    source,
  };
  return { going: [going], staying: [] };
}

function unread(why: string): Refusal {
  return { why: `it can't be read (${why})`, keepsOld: true };
}
