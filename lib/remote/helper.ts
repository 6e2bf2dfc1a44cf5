import { setFlagsFromString } from 'node:v8';
import { exitCodeOf, interrupted, isPaudeError, messageOf } from '../errors.ts';
import { printableLines } from '../printable.ts';
import type { Backend } from '../session/backend.ts';
import type { Report } from '../session/events.ts';
import { parseLocation, type Location } from '../session/location.ts';
import { openService, type AutoStart, type OpenedService } from '../session/open-service.ts';
import { say } from '../transport/pump.ts';
import { takeLine, watchEnd } from '../transport/take-line.ts';
import { gitHint } from './git-hints.ts';
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
  readonly serveOptions: (service: Service) => Promise<readonly string[]>;
  /** Runs beside the opening of a push; when it throws, nothing is created or started and nothing lands. */
  readonly beforePush: (location: Location, signal: AbortSignal) => Promise<void>;
  /** Describes the session with the settings of this repository. */
  readonly create: (location: Location, report: Report, signal: AbortSignal) => Promise<void>;
  readonly start: (location: Location, report: Report, signal: AbortSignal) => Promise<void>;
  /** Brings the user's credentials into a session that a push has started; gives what the user should hear. */
  readonly sync: (location: Location, signal: AbortSignal) => Promise<readonly string[]>;
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
  // What passes through is garbage at once, and lies outside of V8's heap: it is looked for when the heap's youngest part
  // is full. One that does not grow is full often, and a gigabyte then takes 20 MB less memory at its most.
  setFlagsFromString('--semi-space-growth-factor=1');
  // A stream that git has closed shows in its end; unheard, the error would be a stack trace.
  for (const stream of [stdin, stdout, stderr]) stream.on('error', () => undefined);
  try {
    const location = parseLocation(call.argv[1] ?? '');
    const options: HelperOptions = { progress: false, verbosity: 1 };
    // Loaded while git says what it wants. That it can't be had is said when it is needed.
    const backend = call.ports.backend(location);
    backend.catch(() => undefined);
    for (;;) {
      const command = parseCommand(await takeLine(stdin, signal));
      if (command.type === 'end') return 0;
      if (command.type === 'connect') return await connect(call, location, backend, command.service, options);
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
  backend: Promise<Backend>,
  service: Service,
  options: HelperOptions,
): Promise<number> {
  const { isBare, tunnel: opened } = await openReady(call, location, backend, service, options);
  await using tunnel = opened;
  const failed = new AbortController();
  const over = AbortSignal.any([call.signal, failed.signal]);
  // Beside the transfer, never before it, and never its failure.
  const syncing = isBare ? sync(call, location, over) : [];
  // From this blank line on, the service speaks.
  await say(call.stdout, '\n');
  const { name } = location;
  const end = await transfer(call, tunnel, { name, service }, call.signal);
  if (end.trouble !== undefined) await tell(call, end.trouble);
  if (end.exitCode !== 0) failed.abort();
  for (const text of await syncing) await say(call.stderr, printableLines(`paude: ${text}\n`));
  return end.exitCode;
}

/** Brings the credentials; gives the sentences that are to be said. */
async function sync(
  { ports }: HelperCall,
  location: Location,
  over: AbortSignal,
): Promise<readonly string[]> {
  try {
    return await ports.sync(location, over);
  } catch (error) {
    if (over.aborted) return [];
    const message = messageOf(error);
    return [`warning: the session has none of your credentials yet: ${message}`];
  }
}

/** The service, opened and ready, and the push allowed. git's death meanwhile stops it, like an interrupt. */
async function openReady(
  { ports, stdin, stderr, signal }: HelperCall,
  location: Location,
  backend: Promise<Backend>,
  service: Service,
  options: HelperOptions,
): Promise<OpenedService> {
  const stopping = new AbortController();
  const either = AbortSignal.any([signal, stopping.signal]);
  using progress = helperProgress(stderr, options);
  using watch = watchEnd(stdin, () => stopping.abort());
  void watch;
  const isPush = service === 'git-receive-pack';
  const settings = memoised(ports.settings);
  const opening = (async () => {
    return await openService(
      {
        backend: await backend,
        autoStart: async () => (await settings()).autoStart,
        create: () => allowed.then(() => ports.create(location, progress.report, either)),
        start: async (because) => {
          await allowed;
          if (because !== undefined && options.verbosity > 0)
            progress.report({ type: 'notice', text: because });
          await ports.start(location, progress.report, either);
        },
        takeLine,
      },
      {
        name: location.name,
        service: service.slice('git-'.length) as 'receive-pack' | 'upload-pack' | 'upload-archive',
        options: memoised(() => serveOptions(ports, service, settings)),
      },
      either,
    );
  })();
  // The session's answer is what takes longest: it has been asked when this begins.
  const allowed = backend.then(() => (isPush ? ports.beforePush(location, either) : undefined));
  // Awaited below; a failure while the service is being opened must not count as unhandled.
  allowed.catch(() => undefined);
  try {
    await Promise.all([allowed, opening]);
    return await opening;
  } catch (error) {
    stopping.abort();
    await opening.then(({ tunnel }) => tunnel[Symbol.asyncDispose]()).catch(() => undefined);
    // Of two failures, that the push is not allowed, or that git is too old, is the one to mend first.
    await allowed;
    throw error;
  }
}

/** git sets no GIT_PROTOCOL for a helper; the far side must be told as `protocol.version` says. */
async function serveOptions(
  ports: HelperPorts,
  service: Service,
  settings: () => Promise<HelperSettings>,
): Promise<readonly string[]> {
  if (service !== 'git-upload-pack') return ports.serveOptions(service);
  const [added, { protocolVersion }] = await Promise.all([ports.serveOptions(service), settings()]);
  return protocolVersion === 0 ? added : [...added, `--protocol=version=${protocolVersion}`];
}

function memoised<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}

async function tell({ argv, stderr }: HelperCall, error: unknown): Promise<void> {
  const message = messageOf(error);
  const hint = isPaudeError(error) ? gitHint(argv, error) : undefined;
  const hinted = hint === undefined ? '' : `paude: hint: ${hint}\n`;
  await say(stderr, printableLines(`paude: ${message}\n${hinted}`));
}
