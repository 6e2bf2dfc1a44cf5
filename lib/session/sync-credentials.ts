import type { Readable } from 'node:stream';
import { createInterface } from 'node:readline';
import { PaudeError } from '../errors.ts';
import type { SessionName } from '../names.ts';
import type { Tunnel } from '../tunnel.ts';
import type { Backend } from './backend.ts';
import type { Credentials, Parcel, Part } from './credentials.ts';
import type { Report } from './events.ts';
import { unproved } from './unproved.ts';

/**
 * `login`: what lives shortly, and the rest only where the session has none. `everything`: all that has changed.
 * `fresh`: the session was just started and has nothing, so that it need not be asked first.
 */
export type Scope = 'login' | 'everything' | 'fresh';

/** In the order in which a session is asked for them (image/files/paude-session). */
const parts: readonly Part[] = ['login', 'tokens', 'config'];

/** same: the session had it already, and nothing was sent. incomplete: something could not be read, and is as it was. */
export type SyncOutcome = 'same' | 'sent' | 'incomplete';

export interface Synced {
  readonly outcome: SyncOutcome;
  /** The digest of what lives shortly in the home. */
  readonly login: string;
}

export interface SyncPorts {
  readonly backend: Backend;
  readonly credentials: Credentials;
}

/**
 * Brings the user's credentials into a running session's memory. One command there is asked what it has, by digest;
 * only where that is another one, something is sent: to where the agent can only read. Then the same command puts it
 * into the home. What it takes is opened and read at once, and nothing is said before `allowed`; without that, a session
 * whose network nobody has proved to be closed gets nothing. Throws SYNC_FAILED, CREDENTIALS_TOO_LARGE, NETWORK_UNPROVED,
 * what `allowed` rejects with, and like `open`.
 */
export async function syncCredentials(
  { backend, credentials }: SyncPorts,
  name: SessionName,
  scope: Scope,
  report: Report,
  signal: AbortSignal,
  allowed?: Promise<void>,
): Promise<Synced> {
  // Where most likely something is to be sent, what receives it is opened beside the question. The reading comes after
  // both, for it keeps the processor.
  const early = scope === 'login' ? undefined : openWriter(backend, name, signal);
  const question = ['paude-session', 'credentials', ...(allowed === undefined ? ['proved'] : [])];
  const opening = backend.open(name, question, signal);
  const reading = readParcels(credentials, scope);
  // Awaited below; a command that can't be run is told of first.
  for (const work of [reading, early]) work?.catch(() => undefined);
  try {
    await using tunnel = await opening;
    const home = conversation(tunnel, name);
    // Who has just started needs all: asked beside the reading, so that the session prepares itself for it meanwhile.
    const asked =
      scope === 'fresh'
        ? home.ask(`check ${parts.map(() => 'none').join(' ')}`)
        : Promise.all([reading, allowed]).then(([some]) => check(home, some));
    asked.catch(() => undefined);
    const parcels = await reading;
    const login = digestOf(parcels, 'tokens');
    await allowed;
    const answer = await asked;
    if (answer === 'unproved') throw unproved(name);
    if (answer === 'same') return { outcome: 'same', login };
    // A part that was not read, and that is there but not whole, comes with its digest.
    const needed = new Map(
      answer
        .split(' ')
        .slice(1)
        .map((one) => one.split('=') as [Part, string | undefined]),
    );
    const unread = [...needed.keys()].filter((part) => parcels.every((one) => one.part !== part));
    parcels.push(...(await Promise.all(unread.map((part) => credentials.parcel(part)))));
    const sent = parcels.filter(({ part, digest }) => needed.has(part) && needed.get(part) !== digest);
    if (sent.length === 0) return { outcome: 'same', login };
    report({ type: 'step', text: `sending credentials to ${name}` });
    for (const text of sent.flatMap(({ notices }) => notices)) report({ type: 'notice', text });
    // Its end is waited for last: tidying up takes as long as putting things into the home.
    await using writer = await (early ?? openWriter(backend, name, signal));
    await land(writer, name, sent);
    if ((await home.ask('adopt')) !== 'adopted') throw failed(name, home.said());
    return { outcome: sent.some(({ incomplete }) => incomplete) ? 'incomplete' : 'sent', login };
  } finally {
    // Also where there was nothing to send after all.
    await early?.then(
      (tunnel) => tunnel[Symbol.asyncDispose](),
      () => undefined,
    );
  }
}

/** `-` for a part that was not read: any that is whole will do. */
function digestOf(parcels: readonly Parcel[], part: Part): string {
  return parcels.find((one) => one.part === part)?.digest ?? '-';
}

function check(home: Conversation, parcels: readonly Parcel[]): Promise<string> {
  return home.ask(`check ${parts.map((part) => digestOf(parcels, part)).join(' ')}`);
}

function openWriter(backend: Backend, name: SessionName, signal: AbortSignal): Promise<Tunnel> {
  return backend.open(name, ['paude-session', 'land'], signal, 'credentials');
}

async function readParcels(credentials: Credentials, scope: Scope): Promise<Parcel[]> {
  const wanted = parts.filter((part) => {
    if (part === 'config') return scope !== 'login';
    return part !== 'login' || credentials.outsideShell !== true;
  });
  return Promise.all(wanted.map((part) => credentials.parcel(part)));
}

/** Sends parcels in one stream, each with its length and digest: a wire may lose its end and say nothing. */
async function land(tunnel: Tunnel, name: SessionName, parcels: readonly Parcel[]): Promise<void> {
  const writer = conversation(tunnel, name);
  for (const { part, digest, body, incomplete } of parcels) {
    tunnel.stdin.write(`${part} ${body.length} ${digest} ${incomplete ? 'incomplete' : 'whole'}\n`);
    tunnel.stdin.write(body);
  }
  if ((await writer.ask('end')) !== 'landed') throw failed(name, writer.said());
}

type Conversation = ReturnType<typeof conversation>;

/** A command that answers each line with a line. One that ends before it has answered has failed. */
function conversation({ stdin, stdout, stderr, exit }: Tunnel, name: SessionName) {
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  const said = collected(stderr);
  // A far side that ends early breaks the pipe; what it said tells why.
  stdin.on('error', () => undefined);
  return {
    said,
    ask: async (question: string): Promise<string> => {
      stdin.write(`${question}\n`);
      const answer = await lines.next();
      if (answer.done !== true) return answer.value;
      const code = await exit;
      throw failed(name, said() || `exit code ${code}`);
    },
  };
}

function collected(stream: Readable): () => string {
  let said = '';
  stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  return () => said.trim().replace(/^paude: /, '');
}

function failed(name: SessionName, why: string): PaudeError {
  return new PaudeError('SYNC_FAILED', `the credentials did not reach the session ${name}: ${why}`, {
    hint: `git paude sync ${name} --full, or go on without: git paude connect ${name} --no-sync`,
  });
}
