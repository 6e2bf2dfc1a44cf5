import type { NetworkRules } from '../egress/network-rules.ts';
import type { SessionName } from '../names.ts';
import type { Tunnel } from '../tunnel.ts';
import type { BackendName, Location } from './location.ts';
import type { Session, SessionSpec } from './session.ts';

/** What `start` is waiting for. `text` is for people: "starting the container", "pulling the image". */
export interface StartPhase {
  readonly text: string;
  /** From now on commands can be opened in this part, whatever else is waited for; they wait until it is ready. */
  readonly runs?: 'session' | 'proxy';
  /** It did not run before, and this very start has begun it. */
  readonly begun?: boolean;
}

export interface StartOptions {
  /** Without the proxy, so that nothing goes out: for a look at what is on the volume. */
  readonly alone?: boolean;
}

/** A person's terminal. */
export interface Terminal {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  /** Its TERM, as the user's shell has it. */
  readonly term: string;
}

/**
 * Where a command of a session runs: with the agent; where its credentials land, which the agent can only read; or in
 * the proxy that is its only way out.
 */
export type Role = 'session' | 'credentials' | 'proxy';

/** What carries a session's label where there is no session any more: what `remove` or an undo could not take. */
export interface Leftovers {
  /** The backend's own names, each with its kind. */
  readonly objects: readonly string[];
  /** Whose it was, as `whoami` has it; undefined for somebody else's of no known name. */
  readonly owner: string | undefined;
}

/** What opens a session's network, as a clause, and how to mend it where that is known. */
export interface Opening {
  readonly text: string;
  readonly hint?: string;
}

/** What was found of a session's network from outside. */
export interface Openings {
  readonly openings: readonly Opening[];
  /** What closes it, was gone and is made again, by its kind and name: what was proved before shows nothing. */
  readonly renewed: readonly string[];
}

/**
 * Where sessions run. Everything that a command in the session can do (git services, status probes, copies) is
 * `open`, and has no method here. Every method throws PaudeError; foreign errors are turned into ours inside.
 */
export interface Backend {
  readonly name: BackendName;
  /** Where a session of this name is, or would be. */
  locate(name: SessionName): Location;
  /** Who makes sessions here, as their `owner` has it. */
  whoami(signal: AbortSignal): Promise<string>;
  /** Checks the prerequisites. Throws BACKEND_MISSING or BACKEND_UNREACHABLE, each with its remedy. */
  check(signal: AbortSignal): Promise<void>;
  /**
   * Makes what the session consists of; nothing runs. Idempotent: of two at once, one session comes out and both
   * get it (the caller compares its description with what it asked for). Undoes what it made when it fails or is
   * aborted. Throws NOT_OURS for an object of our name that is not ours, IMAGE_MISSING, LIMITS_UNSUPPORTED.
   * `notice` gets a sentence for the user when something is made otherwise than asked for.
   */
  create(spec: SessionSpec, notice: (text: string) => void, signal: AbortSignal): Promise<Session>;
  /**
   * Makes again what is missing of a session that `get` has found, and that its `start` does not make again. False
   * where there is no such session any more. Throws SESSION_FAILED for what nobody can make again.
   */
  complete(session: Session, signal: AbortSignal): Promise<boolean>;
  /**
   * Starts it, and ends when commands can run. Idempotent. Makes again what was pruned. What did not run before
   * does not run after a start that fails or is aborted.
   * Throws SESSION_UNKNOWN, SESSION_FAILED, IMAGE_MISSING.
   */
  start(name: SessionName, signal: AbortSignal, options?: StartOptions): AsyncIterable<StartPhase>;
  /** Ends when nothing of it runs. Idempotent. Throws SESSION_UNKNOWN. */
  stop(name: SessionName, signal: AbortSignal): Promise<void>;
  /**
   * Removes everything with the session's label. Idempotent: a second call finishes the work of a first.
   * Throws NOT_REMOVED, naming what is left.
   */
  remove(name: SessionName, signal: AbortSignal): Promise<void>;
  /** What an earlier `remove` or a `create` that was ended has left of a session that `get` does not find. */
  leftovers(name: SessionName, signal: AbortSignal): Promise<Leftovers>;
  get(name: SessionName, signal: AbortSignal): Promise<Session | undefined>;
  /** All sessions, with a number of queries that does not depend on how many there are. */
  list(signal: AbortSignal): Promise<readonly Session[]>;
  /**
   * Runs a command (an argument array, looked up on the session's PATH) in a running session. Makes no query
   * first. The tunnel's `exit` rejects with SESSION_STOPPED, SESSION_UNKNOWN, BACKEND_… where the command never
   * ran, SESSION_DIED when the session ended under it, CONNECTION_LOST when no status came. A command that `waits` does
   * nothing before it has some input: it does no harm that it is run and given up for another way to run it.
   */
  open(
    name: SessionName,
    command: readonly string[],
    signal: AbortSignal,
    role?: Role,
    waits?: boolean,
  ): Promise<Tunnel>;
  /** Runs a command on the user's terminal, resized with it. The command's exit code. Throws like `open`. */
  attach(
    name: SessionName,
    command: readonly string[],
    terminal: Terminal,
    signal: AbortSignal,
  ): Promise<number>;
  /**
   * Changes a session's rules, for whenever its proxy is made anew; a proxy that runs is told by who calls, and at each start.
   * No change at the same time is lost: `change` gets the rules as they are, and gets them anew where another change
   * was faster; what it gives back as it is changes nothing. Gives the rules that are kept. Throws SESSION_UNKNOWN,
   * NETWORK_OPEN, and what `change` throws.
   */
  changeRules(
    name: SessionName,
    change: (rules: NetworkRules) => NetworkRules,
    signal: AbortSignal,
  ): Promise<NetworkRules>;
  /** What opens the network of a session besides what was made for it. What of that is gone is made again. */
  openings(name: SessionName, signal: AbortSignal): Promise<Openings>;
}
