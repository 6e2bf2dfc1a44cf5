import { normalEntry } from '../egress/network-rules.ts';
import { parseUpstream } from '../egress/upstream-proxy.ts';
import { PaudeError } from '../errors.ts';
import type { SessionName } from '../names.ts';
import type { Report } from './events.ts';
import type { NetworkPorts } from './secure-network.ts';
import type { BackendPorts } from './start-backend.ts';
import type { Description, EgressSpec, PullSecret, Session } from './session.ts';

/** Gives the image that a description comes to, building it when it is missing. */
export type EnsureImage = (description: Description, report: Report, signal: AbortSignal) => Promise<string>;

export interface CreatePorts extends BackendPorts, NetworkPorts {
  /** What it takes to pull the session's images where sessions run, if more than their names. */
  readonly pullSecret?: (
    images: readonly string[],
    report: Report,
    signal: AbortSignal,
  ) => Promise<PullSecret | undefined>;
}

export interface Created {
  readonly session: Session;
  readonly outcome: 'created' | 'same';
}

/**
 * Describes a session: its objects exist, nothing runs. The same description again changes nothing, and makes again
 * what is missing.
 * Throws SESSION_DIFFERS, naming the differences, when a session of this name is described otherwise.
 */
export async function createSession(
  ports: CreatePorts,
  { name, description }: { readonly name: SessionName; readonly description: Description },
  report: Report,
  signal: AbortSignal,
): Promise<Created> {
  const { backend, ensureImage } = ports;
  // Beside the question whether it is there: what the backend needs to know for making one.
  const prerequisites = backend.check(signal);
  prerequisites.catch(() => undefined);
  const existing = await backend.get(name, signal);
  if (existing !== undefined) {
    const session = sameOrThrow(existing, description);
    if (await backend.complete(session, signal)) return { session, outcome: 'same' };
  }
  // What can't be allowed is told before an image is made.
  const hosts = description.allowNetwork ? [] : await ports.network.agentHosts(description.agent);
  const image = await ensureImage(description, report, signal);
  const egress = description.allowNetwork
    ? undefined
    : await egressOf(ports, description, hosts, report, signal);
  const pullSecret = await ports.pullSecret?.([image, ...(egress ? [egress.image] : [])], report, signal);
  report({ type: 'step', text: `creating the session ${name}` });
  await prerequisites;
  const notice = (text: string) => report({ type: 'notice', text });
  const session = await backend.create(
    { name, description, image, ...(egress && { egress }), ...(pullSecret && { pullSecret }) },
    notice,
    signal,
  );
  // Another creator of the same name may have been faster.
  return { session: sameOrThrow(session, description), outcome: 'created' };
}

async function egressOf(
  { ensureProxyImage }: CreatePorts,
  description: Description,
  hosts: readonly string[],
  report: Report,
  signal: AbortSignal,
): Promise<EgressSpec> {
  const image = await ensureProxyImage(description, report, signal);
  const agent = [...new Set(hosts.map(normalEntry))];
  const rules = { agent, allow: description.allow ?? [], deny: [] };
  const { upstreamProxy } = description;
  return {
    image,
    rules,
    ...(upstreamProxy === undefined ? {} : { upstream: parseUpstream(upstreamProxy).proxy }),
  };
}

function sameOrThrow(session: Session, asked: Description): Session {
  const found = differences(session.description, asked);
  if (found.length === 0) return session;
  const name = session.location.name;
  throw new PaudeError(
    'SESSION_DIFFERS',
    `the session ${name} is there, described otherwise: ${found.join('; ')}`,
    {
      hint: `use another name, or remove it first: git paude delete ${name} --confirm`,
    },
  );
}

/** What is not the same in two descriptions, one phrase each. */
export function differences(present: Description, asked: Description): readonly string[] {
  const keys = [...new Set([...Object.keys(present), ...Object.keys(asked)])].sort() as (keyof Description)[];
  return keys
    .map((key) => ({ key, is: JSON.stringify(present[key]), asked: JSON.stringify(asked[key]) }))
    .filter((row) => row.is !== row.asked)
    .map((row) => `${row.key} is ${row.is ?? 'unset'}, asked for ${row.asked ?? 'unset'}`);
}
