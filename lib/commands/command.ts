import type { Architecture } from '../agents/agent.ts';
import type { Resolved } from '../config/load-settings.ts';
import type { SettingsFile } from '../config/settings-file.ts';
import type { Hook, InstalledHook } from '../git/hooks.ts';
import type { Repository } from '../git/repository.ts';
import type { Fitness } from '../image/check-image.ts';
import type { OwnImage } from '../image/old-images.ts';
import type { Backend } from '../session/backend.ts';
import type { Plan } from '../credentials/plan.ts';
import type { Credentials } from '../session/credentials.ts';
import type { Report } from '../session/events.ts';
import type { CreatePorts, EnsureImage } from '../session/create-session.ts';
import type { Session } from '../session/session.ts';
import type { Location, NamedPlace, Place } from '../session/location.ts';
import type { NetworkPorts } from '../session/secure-network.ts';
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
  /** The backend of a place, such as a session's; without one, of the settings. */
  readonly backend: (place?: Place) => Promise<Backend>;
  /** What the flags say of where a session is. */
  readonly named: NamedPlace;
  /** Says of which session the command is: that one is meant by what it hints at. */
  readonly means: (session: Location) => void;
  /** Says that a place was asked, and has answered. */
  readonly hasAnswered: (place: Place) => void;
  /** Where the user has sessions besides; none where the backend was named with a flag. */
  readonly places: () => Promise<readonly Place[]>;
  /** All of them, Podman, and the place that flags override. */
  readonly everyPlace: () => Promise<readonly Place[]>;
  /** Remembers where a session was made or used, for the next time. Where that can't be, it only says so. */
  readonly remember: (place: Place, report: Report) => Promise<void>;
  /** How a place gets its images. */
  readonly ensureImage: (place: Place) => EnsureImage;
  /** How it gets its proxy's. */
  readonly ensureProxyImage: (place: Place) => EnsureImage;
  readonly network: NetworkPorts['network'];
  /** What of the user's home a session gets. */
  readonly credentials: (session: Session) => Promise<Credentials>;
  /** The same for the hook, which runs without the user's shell: what that would say stays as the session has it. */
  readonly hookCredentials: (session: Session) => Promise<Credentials>;
  /** Forgets of a session that is removed what its hook had to know of the user's shell. */
  readonly forgetShell: (location: Location) => Promise<void>;
  /** Which files of it go to such a session, and which stay. */
  readonly plan: (agent: string) => Promise<Plan>;
  /** The hook of this repository. */
  readonly findHook: () => Promise<Hook>;
  readonly installHook: (chain: boolean) => Promise<InstalledHook>;
  readonly uninstallHook: () => Promise<Hook>;
  /** A question for yes or no; undefined where there is nobody to ask. */
  readonly ask: (question: string) => Promise<boolean | undefined>;
  readonly pullSecret: (place: Place) => CreatePorts['pullSecret'];
  readonly images: () => Promise<Images>;
  readonly settingsFile: () => Promise<SettingsFile | undefined>;
  /** The text of the containerfile that a settings file names. */
  readonly containerfile: (file: SettingsFile) => Promise<string | undefined>;
  readonly trust: (file: SettingsFile) => Promise<void>;
}

/** Builds for an architecture, or for the machine's own. */
export type BuildImage = (
  ...args: [...Parameters<EnsureImage>, architecture?: Architecture]
) => Promise<string>;

/** What the verbs of images work with. The cluster is the one that the settings name. */
export interface Images {
  /** The tag by which Podman has the image of a description. */
  readonly build: BuildImage;
  /** The reference by which the cluster's nodes pull it. */
  readonly carried: EnsureImage;
  /** The same of the proxy's. */
  readonly buildProxy: BuildImage;
  readonly carriedProxy: EnsureImage;
  readonly missingIn: (ref: string, signal: AbortSignal) => Promise<Fitness>;
  readonly here: (signal: AbortSignal) => Promise<readonly OwnImage[]>;
  readonly there: (report: Report, signal: AbortSignal) => Promise<readonly OwnImage[]>;
}

export interface Call {
  readonly args: readonly string[];
  readonly flags: ReadonlyMap<string, unknown>;
  /** What stood after `--`. */
  readonly rest: readonly string[];
}

/** A verb: settings, operation, rendering. Gives the exit code. */
export type Command = (context: Context, call: Call) => Promise<number>;
