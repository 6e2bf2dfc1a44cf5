import { join } from 'node:path';
import type { Agent } from '../agents/agent.ts';
import { PaudeError } from '../errors.ts';
import { shown, type Host } from './host.ts';
import { parseJson, valueAt } from './json-keys.ts';
import { keychainLogin, keychainName } from './own-login.ts';
import { agentFolder, stateFile } from './plan-agent.ts';
import { gcloudFolder, gcloudLogin } from './plan-gcloud.ts';
import { readNamedJson, type Found } from './read-json.ts';

/** A place where a login may be. */
interface Place {
  readonly where: string;
  /** What is wrong with it; undefined where its login is usable. */
  readonly wrong: string | undefined;
  readonly mend: string;
}

/** Looks for a usable login everywhere. Undefined where there is one, else an error that names each place. */
export async function missingLogin(
  agent: Agent,
  host: Host,
  now: Date,
  session = 'NAME',
): Promise<PaudeError | undefined> {
  if (agent.configuration.loginless.some((name) => host.env[name])) return undefined;
  const places = [
    ...shellPlaces(agent, host),
    ...(await ownPlaces(agent, host, now)),
    ...(await keyPlaces(agent, host)),
    await gcloudPlace(host),
  ];
  if (places.some(({ wrong }) => wrong === undefined)) return undefined;
  const rows = places.map(({ where, wrong, mend }) => `  ${where}: ${wrong}; ${mend}`);
  return new PaudeError(
    'LOGIN_MISSING',
    `there is no login that ${agent.name} could use in the session. Looked in:\n${rows.join('\n')}`,
    {
      hint: `log in by one of these and give the same command again, or go on without: git paude connect ${session} --no-sync`,
    },
  );
}

function shellPlaces(agent: Agent, { env }: Host): readonly Place[] {
  return Object.keys(agent.secrets).map((name) => ({
    where: `$${name}`,
    wrong: env[name] ? undefined : 'not set',
    mend: `export ${name}=…`,
  }));
}

async function ownPlaces(agent: Agent, host: Host, now: Date): Promise<readonly Place[]> {
  const { login } = agent.configuration;
  const folder = agentFolder(agent.configuration, host);
  const mend = `run ${login.mend}`;
  const judge = (where: string, found: Found): Place => {
    if ('why' in found) return { where, wrong: found.why, mend };
    const { json } = found;
    const expires = valueAt(json, login.expires);
    if (typeof valueAt(json, login.token) !== 'string')
      return { where, wrong: 'no access token in it', mend };
    if (typeof expires !== 'number' || expires > now.getTime()) return { where, wrong: undefined, mend };
    return {
      where,
      wrong: `expired at ${new Date(expires).toISOString()}`,
      mend: `run ${agent.command} once: it renews it`,
    };
  };
  const first = join(folder, login.files[0]!);
  const places = [judge(shown(host, first), await readNamedJson(first, folder))];
  if (host.platform !== 'darwin') return places;
  const name = keychainName(agent, host);
  const secret = await keychainLogin(agent, host);
  const where = `the keychain's ${name}`;
  if (secret.type === 'refused') {
    const open = `run security unlock-keychain, or ${agent.command} in a terminal of this Mac`;
    return [...places, { where, wrong: `it can't be read (${secret.why})`, mend: open }];
  }
  const json = secret.type === 'secret' ? parseJson(secret.text) : undefined;
  return [...places, judge(where, json === undefined ? { why: 'not there' } : { json })];
}

/** Logins among the agent's settings: told of where they are, and not missed where they are not. */
async function keyPlaces(agent: Agent, host: Host): Promise<readonly Place[]> {
  const { loginKeys, stateFile: state } = agent.configuration;
  const found = await Promise.all(
    Object.entries(loginKeys).map(async ([file, keys]) => {
      const folder = agentFolder(agent.configuration, host);
      const found = await (file === state
        ? readNamedJson(stateFile(agent.configuration, host))
        : readNamedJson(join(folder, file), folder));
      return 'json' in found && keys.some((key) => typeof valueAt(found.json, key) === 'string');
    }),
  );
  return found.includes(true) ? [{ where: 'the settings', wrong: undefined, mend: '' }] : [];
}

async function gcloudPlace(host: Host): Promise<Place> {
  const named = host.env['GOOGLE_APPLICATION_CREDENTIALS'];
  const folder = gcloudFolder(host);
  const path = named || join(folder, gcloudLogin);
  const found = await (named ? readNamedJson(path) : readNamedJson(path, folder));
  const wrong = 'why' in found ? found.why : undefined;
  return { where: shown(host, path), wrong, mend: 'run gcloud auth application-default login' };
}
