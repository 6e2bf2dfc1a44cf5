import type { Readable } from 'node:stream';
import { isPaudeError, PaudeError } from '../errors.ts';
import type { SessionName } from '../names.ts';
import type { Tunnel } from '../tunnel.ts';
import type { Backend } from './backend.ts';
import { unknownSession } from './resolve-session.ts';
import { unproved } from './unproved.ts';

/** What may wake a session: git's `paude.autoStart`. */
export type AutoStart = 'always' | 'push' | 'never';

export interface ServiceRequest {
  readonly name: SessionName;
  /** git's service, as `paude-session serve` names it. */
  readonly service: 'receive-pack' | 'upload-pack' | 'upload-archive';
  /**
   * Further options of `paude-session serve`. They are sent when the command was asked for, so that finding them out
   * takes no time of its own.
   */
  readonly options: () => Promise<readonly string[]>;
}

export interface ServicePorts {
  readonly backend: Backend;
  readonly autoStart: () => Promise<AutoStart>;
  /** Describes the session, from the settings of where the push comes from. */
  readonly create: () => Promise<void>;
  /** `because` is a sentence for the user. */
  readonly start: (because: string | undefined) => Promise<void>;
  /** Takes exactly one line off a stream; undefined at its end. */
  readonly takeLine: (stream: Readable, signal: AbortSignal) => Promise<string | undefined>;
}

/** git's service in a session. */
export interface OpenedService {
  /** The far side has said that it is ready: the next byte is git's. */
  readonly tunnel: Tunnel;
  /** A push, and nobody has brought credentials since the session was started, or was made again by itself. */
  readonly isBare: boolean;
}

const greeting = 'paude ready 1';
/** The same to a push that is to bring credentials. */
const bareGreeting = 'paude bare 1';
/** What a session says where nobody has proved since it was made again that its network is closed: it runs nothing for git. */
const unprovedYet = 'paude unproved 1';
/** Exit codes of what was ended by KILL and TERM. */
const killed: ReadonlySet<number> = new Set([137, 143]);

/**
 * Opens git's service in a session. Tries first, and asks nothing beforehand: most sessions run. A stopped one is
 * started if the settings allow it, a missing one is created for a push, and in one that was made again by itself a
 * start proves the network. Throws SESSION_UNKNOWN, AUTOSTART_OFF, SESSION_FAILED, DISK_FULL.
 */
export async function openService(
  ports: ServicePorts,
  request: ServiceRequest,
  signal: AbortSignal,
): Promise<OpenedService> {
  try {
    // Nothing was said yet, and nothing is lost by a second try.
    return await tryService(ports, request, signal).catch((error: unknown) => {
      if (!isPaudeError(error, 'CONNECTION_LOST') && !isPaudeError(error, 'SESSION_DIED')) throw error;
      return tryService(ports, request, signal);
    });
  } catch (error) {
    if (isPaudeError(error, 'NETWORK_UNPROVED'))
      await ports.start(`the session ${request.name} was made again by itself; its network is proved`);
    else if (isPaudeError(error, 'SESSION_UNKNOWN') || isPaudeError(error, 'SESSION_STOPPED'))
      await wake(ports, request, error, signal);
    else throw error;
  }
  return tryService(ports, request, signal);
}

async function wake(
  { backend, autoStart, create, start }: ServicePorts,
  { name, service }: ServiceRequest,
  why: PaudeError,
  signal: AbortSignal,
): Promise<void> {
  const missing = why.code === 'SESSION_UNKNOWN';
  if (missing && service !== 'receive-pack') {
    const sessions = await backend.list(signal);
    throw unknownSession(
      name,
      sessions.map((session) => session.location.name),
    );
  }
  const allowed = await autoStart();
  if (allowed === 'never' || (allowed === 'push' && service !== 'receive-pack')) {
    throw new PaudeError(
      'AUTOSTART_OFF',
      `the session ${name} is ${missing ? 'missing' : 'stopped'}, and paude.autoStart is ${allowed}`,
      { hint: missing ? `git paude create ${name}` : `git paude start ${name} --detach` },
    );
  }
  if (missing) await create();
  await start(missing ? undefined : `${why.message}; it is started`);
}

async function tryService(
  { backend, takeLine }: ServicePorts,
  { name, service, options }: ServiceRequest,
  signal: AbortSignal,
): Promise<OpenedService> {
  const command = ['paude-session', 'serve', service, '-'];
  const tunnel = await backend.open(name, command, signal, 'session', true);
  // Awaited below where it counts; it must not count as unhandled until then.
  tunnel.exit.catch(() => undefined);
  // Nor is a session that takes nothing any more: its exit tells why.
  tunnel.stdin.on('error', () => undefined);
  const complaint = collect(tunnel.stderr);
  try {
    const told = options().then((added) => void tunnel.stdin.write(linesOf(added)));
    const failures = [rejectionOf(told), rejectionOf(tunnel.exit)];
    const line = await Promise.race([takeLine(tunnel.stdout, signal), ...failures]);
    if (line === greeting || line === bareGreeting) {
      complaint.handBack();
      return { tunnel, isBare: line === bareGreeting };
    }
    if (line === unprovedYet) throw unproved(name);
    const code = line === undefined ? await tunnel.exit : undefined;
    const refused = refusal(name, complaint.text(), line ?? `exit code ${code}`);
    const { message, hint } = refused;
    // Killed before it could say anything: its container was just going.
    const isKilled = code !== undefined && killed.has(code) && complaint.text().trim() === '';
    throw isKilled ? new PaudeError('CONNECTION_LOST', message, { hint: hint! }) : refused;
  } catch (error) {
    await tunnel[Symbol.asyncDispose]();
    throw error;
  }
}

/** A line each, and an empty one after the last. */
function linesOf(added: readonly string[]): string {
  return [...added.map((option) => option.replaceAll('\n', ' ')), '', ''].join('\n');
}

function refusal(name: SessionName, complaint: string, answer: string): PaudeError {
  if (/no space left on device/i.test(complaint)) {
    return new PaudeError('DISK_FULL', `the disk of the session ${name} is full`, {
      hint: `git paude connect ${name}, and remove what is not needed`,
    });
  }
  const said = complaint.trim().replace(/^paude: /, '') || answer;
  return new PaudeError('SESSION_FAILED', `the session ${name} did not open its repository: ${said}`, {
    hint: `git paude stop ${name} && git paude start ${name} --detach`,
  });
}

/** Only a rejection settles it: a service that has ended well may still have its line to be read. */
async function rejectionOf(work: Promise<unknown>): Promise<never> {
  await work;
  return await new Promise<never>(() => undefined);
}

/** Holds on to what a stream says, until it is known whether anybody should see it. */
function collect(stream: Readable): { text(): string; handBack(): void } {
  const parts: Buffer[] = [];
  const keep = (chunk: Buffer) => void parts.push(chunk);
  stream.on('data', keep);
  return {
    text: () => Buffer.concat(parts).toString('utf8'),
    handBack: () => {
      stream.off('data', keep).pause();
      if (parts.length > 0 && !stream.readableEnded) stream.unshift(Buffer.concat(parts));
    },
  };
}
