import type { Quantity, SessionName } from '../names.ts';
import type { Location } from './location.ts';

/**
 * What the user asked for: kept with the session, whole, so that whatever a backend loses (a pruned container or
 * image) can be made again. Two descriptions are the same when they are equal as JSON.
 */
export interface Description {
  readonly agent: string;
  /** The agent's version; without one, the version that this package pins. */
  readonly agentVersion?: string;
  /** Arguments added to the agent's own, in every start of it. */
  readonly agentArgs: readonly string[];
  /** A ready image, used as it is; what follows is then of no use. */
  readonly image?: string;
  /** A Debian-like image to build the session's image from; without one, Debian's slim image. */
  readonly baseImage?: string;
  /** Debian packages added to the image. */
  readonly packages: readonly string[];
  /** The text of a Containerfile that is built on top of the image. */
  readonly containerfile?: string;
  /** Skip the agent's permission prompts. */
  readonly yolo: boolean;
  /** The network is not filtered. */
  readonly allowNetwork: boolean;
  readonly memory?: Quantity;
  readonly cpus?: Quantity;
  /** How many processes and threads may run. */
  readonly pids?: number;
  /** The volume's size, where a backend has sizes. */
  readonly pvcSize?: Quantity;
  readonly storageClass?: string;
}

/** What a backend is asked to make: the description, with everything open in it decided. */
export interface SessionSpec {
  readonly name: SessionName;
  readonly description: Description;
  /** The image that the description came to; what the backend runs. */
  readonly image: string;
}

/**
 * created: never started. starting: running, and commands can't run yet. running: commands can run.
 * stopped: nothing runs, the volume is kept. failed: it ended by itself, or can't start.
 */
export type SessionState = 'created' | 'starting' | 'running' | 'stopped' | 'failed';

export interface Session {
  readonly location: Location;
  readonly description: Description;
  readonly image: string;
  readonly state: SessionState;
  /** One sentence on why it is in this state, where that needs one. */
  readonly reason?: string;
  /** Who made it: for telling people's sessions apart, never for access. */
  readonly owner: string;
  readonly createdAt: Date;
}
