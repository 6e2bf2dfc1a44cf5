import { normalEntry, type NetworkRules } from '../egress/network-rules.ts';
import type { Verdict } from '../egress/probe.ts';
import { isPaudeError, messageOf } from '../errors.ts';
import type { SessionName } from '../names.ts';
import { timeLimit } from '../waiting.ts';
import { askSession } from './ask-session.ts';
import type { Backend } from './backend.ts';
import { bringInForce } from './change-network.ts';
import type { Report } from './events.ts';
import { judge, probeNetwork, wasProved } from './prove-network.ts';
import type { Session } from './session.ts';
import { overtaken, type Starting } from './start-backend.ts';

export interface NetworkPorts {
  readonly backend: Backend;
  readonly network: {
    /** The hosts that an agent needs, by what this shell's variables say; what it can't work without first. */
    readonly agentHosts: (agent: string) => Promise<readonly string[]>;
    /** USER:PASSWORD for the proxy of the user's own network. */
    readonly upstreamLogin: (url: string) => Promise<string | undefined>;
    /** The user goes on where nothing proves that the network is closed. */
    readonly acceptUnenforced: () => Promise<boolean>;
  };
}

/**
 * Beside a session's start, and ended before its agent starts: brings the rules of the user's own session up to date
 * with what this shell's agent needs, has the proxy hold to the rules that are kept, whatever it did before, and proves
 * that there is no other way out. Where that is not proved it is stopped
 * again, but for another's session that ran before.
 * Throws what the start throws, NETWORK_DOWN, NETWORK_UNENFORCED, SESSION_FAILED.
 */
export async function secureNetwork(
  ports: NetworkPorts,
  found: Promise<Session>,
  starting: Starting,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  // What can't be started says so itself.
  const session = await found.catch(async (error: unknown) => {
    await starting.done;
    throw error;
  });
  try {
    const proof = prove(ports, session, starting, report, AbortSignal.any([signal, over.signal]));
    await Promise.all([starting.done, proof]);
  } catch (error) {
    over.abort();
    // A start that has failed has undone what it did.
    await starting.done;
    const { name } = session.location;
    const end = await endMeanwhile(ports.backend, name, error);
    if (session.egress !== undefined && (await isToEnd(ports, session, starting, error)))
      await ports.backend.stop(name, timeLimit(60_000)).catch((error: unknown) => {
        report({ type: 'notice', text: `the session ${name} still runs: ${messageOf(error)}` });
      });
    throw end === undefined ? error : overtaken(name, end, error);
  }
}

/** Whether a session could not be asked because somebody has stopped or removed it meanwhile. */
async function endMeanwhile(
  backend: Backend,
  name: SessionName,
  error: unknown,
): Promise<'stopped' | 'removed' | undefined> {
  if (!isPaudeError(error) || !unasked.has(error.code)) return undefined;
  try {
    const session = await backend.get(name, timeLimit(10_000));
    if (session === undefined) return 'removed';
    return session.state === 'stopped' ? 'stopped' : undefined;
  } catch {
    // What failed first is told then.
    return undefined;
  }
}

/** What asking ends with where nobody is there any more. */
const unasked: ReadonlySet<string> = new Set([
  'SESSION_STOPPED',
  'SESSION_UNKNOWN',
  'SESSION_FAILED',
  'SESSION_DIED',
  'CONNECTION_LOST',
]);

/**
 * Nobody is to find running, unproved, what this start has begun. What ran before was proved when it was started, and
 * an agent may be at work in it: a connection that broke under the question is no reason to end that, and in another's
 * session nothing is.
 */
async function isToEnd(
  { backend }: NetworkPorts,
  { owner }: Session,
  starting: Starting,
  error: unknown,
): Promise<boolean> {
  if (starting.hasBegun()) return true;
  if (!isPaudeError(error, 'NETWORK_UNENFORCED')) return false;
  const user = await backend.whoami(timeLimit(10_000)).catch(() => undefined);
  return owner === user;
}

async function prove(
  ports: NetworkPorts,
  session: Session,
  starting: Starting,
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  const { egress, description, location } = session;
  if (egress === undefined) return;
  const { backend, network } = ports;
  const [user, mayBeOpen] = await Promise.all([
    backend.whoami(signal),
    network.acceptUnenforced(),
    starting.proxy,
  ]);
  // What this shell's agent needs, and its login, is nothing to another's session.
  const isOwn = session.owner === user;
  const rules = isOwn ? await bringUpToDate(ports, session, egress.rules, signal) : egress.rules;
  const inForce = bringInForce(backend, session, rules, signal).then(() =>
    isOwn ? sendLogin(ports, session, signal) : undefined,
  );
  const ready = Promise.all([inForce, starting.session]);
  // What was accepted at a start holds until the next one.
  const wasAccepted = !starting.hasBegun() && rules.unenforced === true;
  const accepted = description.acceptUnenforced === true || wasAccepted || mayBeOpen;
  const how = { ready, accepted };
  const [first, { openings, renewed }] = await Promise.all([
    verdictOn(backend, session, rules, { ...how, session: starting.session }, report, signal),
    // What selects its parts shows by the labels that they have.
    starting.session.then(() => backend.openings(location.name, signal)),
    ready,
  ]);
  if (renewed.length > 0)
    report({
      type: 'notice',
      text: `of the session ${location.name} was gone, and is made again: ${renewed.join(', ')}`,
    });
  // Nothing that was tried before they were made again shows that they are in force.
  const verdict =
    renewed.length === 0 ? first : await probe(backend, location.name, rules, how, report, signal);
  const isOpen = judge(location, verdict, openings, accepted, report);
  await rememberOpen(backend, location.name, rules, isOpen, signal);
}

/** Keeps with the session what this shell's agent needs. Gives the rules. */
async function bringUpToDate(
  ports: NetworkPorts,
  session: Session,
  present: NetworkRules,
  signal: AbortSignal,
): Promise<NetworkRules> {
  const hosts = await ports.network.agentHosts(session.description.agent);
  const change = (rules: NetworkRules) => withAgentHosts(rules, hosts);
  return change(present) === present
    ? present
    : ports.backend.changeRules(session.location.name, change, signal);
}

/** What the user accepted for this run stands with the session, until a start proves that it is closed. */
async function rememberOpen(
  backend: Backend,
  name: SessionName,
  rules: NetworkRules,
  isOpen: boolean,
  signal: AbortSignal,
): Promise<void> {
  if (isOpen === (rules.unenforced === true)) return;
  const change = ({ unenforced: _, ...closed }: NetworkRules) =>
    isOpen ? { ...closed, unenforced: true } : closed;
  await backend.changeRules(name, change, signal);
}

/**
 * What ran before, and was proved in that very run, is not probed again at each connect; but where the user goes on
 * unproved, the session itself may have left the mark.
 */
async function verdictOn(
  backend: Backend,
  { location: { name }, state, description }: Session,
  rules: NetworkRules,
  { session, ...how }: Probing & Pick<Starting, 'session'>,
  report: Report,
  signal: AbortSignal,
): Promise<Verdict> {
  const counts = rules.unenforced !== true && description.acceptUnenforced !== true;
  if (state === 'running' && counts) {
    // A pod that is being removed could still say so, and says nothing of the one that comes in its place.
    await session;
    if (await wasProved(backend, name, signal)) return { open: [] };
  }
  return probe(backend, name, rules, how, report, signal);
}

interface Probing {
  readonly ready: Promise<unknown>;
  readonly accepted: boolean;
}

function probe(
  backend: Backend,
  name: SessionName,
  rules: NetworkRules,
  { ready, accepted }: Probing,
  report: Report,
  signal: AbortSignal,
): Promise<Verdict> {
  report({ type: 'step', text: `proving that the network of ${name} is closed` });
  return probeNetwork(backend, name, rules, ready, accepted, signal);
}

/** The same object where nothing changes. */
function withAgentHosts(rules: NetworkRules, hosts: readonly string[]): NetworkRules {
  const agent = [...new Set(hosts.map(normalEntry))];
  return JSON.stringify(agent) === JSON.stringify(rules.agent) ? rules : { ...rules, agent };
}

async function sendLogin(
  { backend, network }: NetworkPorts,
  { location, description }: Session,
  signal: AbortSignal,
): Promise<void> {
  const url = description.upstreamProxy;
  const login = url === undefined ? undefined : await network.upstreamLogin(url);
  if (login === undefined) return;
  const command = ['paude-proxy', 'login'];
  await askSession(backend, location.name, { role: 'proxy', command, input: login, framed: true }, signal);
}
