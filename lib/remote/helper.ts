import { exitCodeOf, interrupted, isPaudeError } from '../errors.ts';
import type { Backend } from '../session/backend.ts';
import type { Report } from '../session/events.ts';
import { parseLocation, type Location } from '../session/location.ts';
import { openService, type AutoStart } from '../session/open-service.ts';
import { say } from '../transport/pump.ts';
import { takeLine, watchEnd } from '../transport/take-line.ts';
import type { Tunnel } from '../tunnel.ts';
import { helperProgress } from './progress.ts';
import { applyOption, capabilities, parseCommand, type HelperOptions, type Service } from './protocol.ts';
import { transfer, type GitStreams } from './transfer.ts';

export interface HelperSettings {
  readonly autoStart: AutoStart;
  /** git's `protocol.version`. */
  readonly protocolVersion: number;
}

/** What the helper needs of the house, each asked for only when it is needed. */
export interface HelperPorts {
  readonly backend: (location: Location) => Promise<Backend>;
  readonly settings: () => Promise<HelperSettings>;
  /** --head, --object-format, --name and --email for `paude-session serve`. */
  readonly serveArguments: (service: Service) => Promise<readonly string[]>;
  /** Runs beside the opening of a push; when it throws, nothing is created or started and nothing lands. */
  readonly beforePush: (location: Location, signal: AbortSignal) => Promise<void>;
  /** Describes the session with the settings of this repository. */
  readonly create: (location: Location, report: Report, signal: AbortSignal) => Promise<void>;
  readonly start: (location: Location, report: Report, signal: AbortSignal) => Promise<void>;
}

export interface HelperCall extends GitStreams {
  /** What follows the program's name: the remote's name, and its URL. Only the URL is looked at. */
  readonly argv: readonly string[];
  readonly ports: HelperPorts;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
}

/**
 * git's remote helper (gitremote-helpers(7)): answers git's commands until it asks to be connected, and then is a
 * pipe. Ends with the exit code.
 */
export async function runHelper(call: HelperCall): Promise<number> {
  const { stdin, stdout, stderr, signal } = call;
  // A stream that git has closed shows in its end; unheard, the error would be a stack trace.
  for (const stream of [stdin, stdout, stderr]) stream.on('error', () => undefined);
  try {
    const location = parseLocation(call.argv[1] ?? '');
    const options: HelperOptions = { progress: false, verbosity: 1 };
    for (;;) {
      const command = parseCommand(await takeLine(stdin, signal));
      if (command.type === 'end') return 0;
      if (command.type === 'connect') return await connect(call, location, command.service, options);
      await say(stdout, command.type === 'capabilities' ? capabilities : applyOption(options, command));
    }
  } catch (error) {
    const failure = signal.aborted ? interrupted() : error;
    if (!isPaudeError(failure, 'INTERRUPTED')) await tell(call, failure);
    return exitCodeOf(failure);
  } finally {
    stdin.destroy();
  }
}

async function connect(
  call: HelperCall,
  location: Location,
  service: Service,
  options: HelperOptions,
): Promise<number> {
  await using tunnel = await openReady(call, location, service, options);
  // From this blank line on, the service speaks.
  await say(call.stdout, '\n');
  const { name } = location;
  const end = await transfer(call, tunnel, { name, service }, call.signal);
  if (end.trouble !== undefined) await tell(call, end.trouble);
  return end.exitCode;
}

/** The service, opened and ready, and the push allowed. git's death meanwhile stops it, like an interrupt. */
async function openReady(
  { ports, stdin, stderr, signal }: HelperCall,
  location: Location,
  service: Service,
  options: HelperOptions,
): Promise<Tunnel> {
  const stopping = new AbortController();
  const either = AbortSignal.any([signal, stopping.signal]);
  using progress = helperProgress(stderr, options);
  using watch = watchEnd(stdin, () => stopping.abort());
  void watch;
  const isPush = service === 'git-receive-pack';
  const allowed = isPush ? ports.beforePush(location, either) : Promise.resolve();
  // Awaited below; a failure while the service is being opened must not count as unhandled.
  allowed.catch(() => undefined);
  const settings = memoised(ports.settings);
  const opening = (async () => {
    const backend = await ports.backend(location);
    const added = await ports.serveArguments(service);
    return await openService(
      {
        backend,
        autoStart: async () => (await settings()).autoStart,
        create: () => allowed.then(() => ports.create(location, progress.report, either)),
        start: () => allowed.then(() => ports.start(location, progress.report, either)),
        takeLine,
      },
      {
        name: location.name,
        service: service.slice('git-'.length) as 'receive-pack' | 'upload-pack' | 'upload-archive',
        arguments: service === 'git-upload-pack' ? [...added, ...(await protocol(settings))] : added,
      },
      either,
    );
  })();
  try {
    await Promise.all([allowed, opening]);
    return await opening;
  } catch (error) {
    stopping.abort();
    await opening.then((tunnel) => tunnel[Symbol.asyncDispose]()).catch(() => undefined);
    throw error;
  }
}

/** git sets no GIT_PROTOCOL for a helper; the far side must be told as `protocol.version` says. */
async function protocol(settings: () => Promise<HelperSettings>): Promise<readonly string[]> {
  const { protocolVersion } = await settings();
  return protocolVersion === 0 ? [] : [`--protocol=version=${protocolVersion}`];
}

function memoised<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

async function tell({ stderr }: GitStreams, error: unknown): Promise<void> {
  const message = error instanceof Error ? error.message : String(error);
  const hint = isPaudeError(error) && error.hint !== undefined ? `paude: hint: ${error.hint}\n` : '';
  await say(stderr, `paude: ${message}\n${hint}`);
}
