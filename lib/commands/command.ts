import type { Resolved } from '../config/load-settings.ts';
import type { SettingsFile } from '../config/settings-file.ts';
import type { Repository } from '../git/repository.ts';
import type { Backend } from '../session/backend.ts';
import type { Report } from '../session/events.ts';
import type { BackendName } from '../session/location.ts';
import type { Description } from '../session/session.ts';
import type { Output } from '../ui/output.ts';

/** What a verb has to work with. Each is a function, so that nothing is made before it is needed. */
export interface Context {
  readonly output: Output;
  readonly report: Report;
  /** Ends the progress display, before the terminal is handed to something else. */
  readonly quiet: () => void;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly term: string;
  readonly settings: () => Promise<Resolved>;
  readonly repository: () => Promise<Repository | undefined>;
  /** The backend of a session's URL; without a name, of the settings. */
  readonly backend: (name?: BackendName) => Promise<Backend>;
  readonly ensureImage: (description: Description, report: Report, signal: AbortSignal) => Promise<string>;
  readonly agentEnvironment: (agent: string) => Promise<ReadonlyMap<string, string>>;
  readonly settingsFile: () => Promise<SettingsFile | undefined>;
  readonly trust: (file: SettingsFile) => Promise<void>;
}

export interface Call {
  readonly args: readonly string[];
  readonly flags: ReadonlyMap<string, unknown>;
  /** What stood after `--`. */
  readonly rest: readonly string[];
}

/** A verb: settings, operation, rendering. Gives the exit code. */
export type Command = (context: Context, call: Call) => Promise<number>;
