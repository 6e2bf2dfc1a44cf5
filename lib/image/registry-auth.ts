import { isDeepStrictEqual } from 'node:util';
import { answerError, loginHint } from './registry-errors.ts';
import { send, type RegistryWire } from './registry-wire.ts';
import { isPaudeError, PaudeError } from '../errors.ts';

/** What a person, or the user's cluster, has given for a registry. An identity is a token that gets others. */
export type Login =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  | { readonly kind: 'identity'; readonly token: string };

export interface LoginPort {
  /** Asked again with what was refused (401), for there may be a newer one. */
  login(signal: AbortSignal, refused?: Login): Promise<Login | undefined>;
  /** A login that is worth more than a registry's own may be sent to no other host. */
  readonly homebound?: boolean;
}

export interface Authority {
  /** The header of a request, as far as it is known. */
  header(scope: string): string | undefined;
  /**
   * A request was answered 401, with this challenge. True if it is worth another try; throws REGISTRY_LOGIN where
   * what there is was refused.
   */
  challenged(
    challenge: string,
    scope: string,
    used: string | undefined,
    signal: AbortSignal,
  ): Promise<boolean>;
}

/** Speaks for the user: Basic, or tokens of a token service (distribution specification, token authentication). */
export function authority(wire: RegistryWire, port: LoginPort): Authority {
  const headers = new Map<string, string>();
  const asking = new Map<string, Promise<string>>();

  let given: Login | undefined;

  async function ask(
    challenge: Challenge,
    scope: string,
    refused: Login | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    const login = await port.login(signal, refused);
    given = login;
    if (challenge.scheme === 'bearer') {
      const token = (from: Login | undefined) => tokenOf(wire, port, challenge, scope, from, signal);
      try {
        return `Bearer ${await token(login)}`;
      } catch (error) {
        if (!isPaudeError(error, 'REGISTRY_LOGIN') || login === undefined || refused !== undefined)
          throw error;
        // It is the token service that refused it.
        given = await port.login(signal, login);
        if (isDeepStrictEqual(given, login)) throw error;
        return `Bearer ${await token(given)}`;
      }
    }
    if (login === undefined) throw noLogin(wire);
    if (login.kind === 'identity') return `Bearer ${login.token}`;
    return basic(login.username, login.password);
  }

  return {
    header: (scope) => headers.get(scope),
    async challenged(text, scope, used, signal) {
      const challenge = parseChallenge(text);
      if (challenge === undefined) return false;
      // Somebody else has asked since, in another request of the same scope.
      if (headers.has(scope) && headers.get(scope) !== used) return true;
      const known =
        asking.get(scope) ?? ask(challenge, scope, used === undefined ? undefined : given, signal);
      asking.set(scope, known);
      try {
        const header = await known;
        headers.set(scope, header);
        return header !== used;
      } finally {
        asking.delete(scope);
      }
    },
  };
}

interface Challenge {
  readonly scheme: 'basic' | 'bearer';
  readonly parameters: ReadonlyMap<string, string>;
}

/** Reads a WWW-Authenticate header (RFC 9110, 11.6.1), of those schemes that registries use. */
export function parseChallenge(text: string): Challenge | undefined {
  const [, scheme = '', rest = ''] = /(?:^|,\s*)(basic|bearer)\b(.*)$/i.exec(text) ?? [];
  if (scheme === '') return undefined;
  const pairs = [...rest.matchAll(/(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/g)];
  return {
    scheme: scheme.toLowerCase() as Challenge['scheme'],
    parameters: new Map(pairs.map(([, key, quoted, plain]) => [key!.toLowerCase(), quoted ?? plain ?? ''])),
  };
}

async function tokenOf(
  wire: RegistryWire,
  port: LoginPort,
  { parameters }: Challenge,
  scope: string,
  login: Login | undefined,
  signal: AbortSignal,
): Promise<string> {
  const realm = URL.canParse(parameters.get('realm') ?? '') ? new URL(parameters.get('realm')!) : undefined;
  if (realm === undefined) throw new PaudeError('REGISTRY_FAILED', `${wire.name} names no token service`);
  refuseStrangers(wire, realm, port, login);
  const service = parameters.get('service');
  const answer = login?.kind === 'identity' ? await exchange(login.token) : await get();
  if (answer.status !== 200) throw answerError(wire, 'get a token', answer.status, answer.body);
  const token = tokenIn(answer.body);
  if (token === undefined) throw new PaudeError('REGISTRY_FAILED', `${realm.host} gave no token`);
  return token;

  function get() {
    const url = new URL(realm!);
    if (service !== undefined) url.searchParams.set('service', service);
    for (const one of scope.split(' ')) url.searchParams.append('scope', one);
    const authorization = login?.kind === 'password' ? basic(login.username, login.password) : undefined;
    return send(wire, 'GET', url, { signal, headers: authorization === undefined ? {} : { authorization } });
  }

  function exchange(token: string) {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: token,
      scope,
      client_id: 'git-paude',
    });
    if (service !== undefined) form.set('service', service);
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return send(wire, 'POST', realm!, { signal, headers, body: Buffer.from(form.toString()) });
  }
}

function tokenIn(body: Buffer): string | undefined {
  try {
    const said = JSON.parse(body.toString('utf8')) as { token?: string; access_token?: string };
    return said.token ?? said.access_token;
  } catch {
    // What a parser says of it quotes it: it is not shown.
    return undefined;
  }
}

/** A secret goes nowhere in the clear, and a homebound one to the registry's own host only. */
function refuseStrangers(wire: RegistryWire, realm: URL, port: LoginPort, login: Login | undefined): void {
  if (login === undefined) return;
  const inTheClear = realm.protocol !== 'https:' && wire.origin.protocol === 'https:';
  const away = port.homebound === true && realm.host !== wire.origin.host;
  if (!inTheClear && !away) return;
  throw new PaudeError(
    'REGISTRY_LOGIN',
    `${wire.name} asks to send your login to ${realm.origin}; it was not sent`,
  );
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function noLogin(wire: RegistryWire): PaudeError {
  return new PaudeError('REGISTRY_LOGIN', `${wire.name} asks for a login, and there is none`, {
    hint: loginHint(wire),
  });
}
