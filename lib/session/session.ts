import type { NetworkRules } from '../egress/network-rules.ts';
import type { UpstreamProxy } from '../egress/proxy-configuration.ts';
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
  /** Words and hosts that it may reach besides what the agent needs, as it was made; `rules` tells what is so now. */
  readonly allow?: readonly string[];
  /** It runs even where nothing proves that its network is closed. */
  readonly acceptUnenforced?: boolean;
  /** A ready image of the proxy. */
  readonly proxyImage?: string;
  /** The proxy of the user's own network, a URL without a password. */
  readonly upstreamProxy?: string;
  readonly memory?: Quantity;
  readonly cpus?: Quantity;
  /** What is set aside for it on the node, where a cluster schedules by that. */
  readonly memoryRequest?: Quantity;
  readonly cpusRequest?: Quantity;
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
  /** Where an image's registry asks nodes for a login. Its logins are secrets: no annotation or label has them. */
  readonly pullSecret?: PullSecret;
  /** The way out; without it the network is not filtered. */
  readonly egress?: EgressSpec;
}

/** A session's only way out: the proxy's image, and what it lets through at first. */
export interface EgressSpec {
  readonly image: string;
  readonly rules: NetworkRules;
  readonly upstream?: UpstreamProxy;
}

/** A secret that is there, or the logins that one is made of, which goes with the session. */
export type PullSecret = PulledWith & ({ readonly name: string } | OwnPullSecret);

interface PulledWith {
  /** The images that are pulled with it: a pod that names a secret gets none of its service account's. */
  readonly images: readonly string[];
}

/** Logins to registries, or to parts of them, each once. */
export interface OwnPullSecret {
  readonly entries: readonly {
    readonly registry: string;
    readonly username: string;
    readonly password: string;
  }[];
}

/**
 * created: never started. starting: running, and commands can't run yet. running: commands can run.
 * stopped: nothing runs, the volume is kept. failed: it ended by itself, or can't start.
 */
export type SessionState = 'created' | 'starting' | 'running' | 'stopped' | 'failed';

export interface Session {
  readonly location: Location;
  /** The same wherever it is seen from, and no other session's; without one, its location tells sessions apart. */
  readonly uid?: string;
  readonly description: Description;
  readonly image: string;
  /** Its way out, with the rules that are in force now; undefined where the network is not filtered. */
  readonly egress?: EgressSpec;
  readonly state: SessionState;
  /** One sentence on why it is in this state, where that needs one. */
  readonly reason?: string;
  /** Who made it: for telling people's sessions apart, never for access. */
  readonly owner: string;
  readonly createdAt: Date;
}
