import { normalEntry, type NetworkRules } from '../egress/network-rules.ts';
import type { Verdict } from '../egress/probe.ts';
import { isPaudeError } from '../errors.ts';
import type { SessionName } from '../names.ts';
import { askSession } from './ask-session.ts';
import type { Backend } from './backend.ts';
import { changeNetwork } from './change-network.ts';
import type { Report } from './events.ts';
import { judge, probeNetwork, wasProved } from './prove-network.ts';
import type { Session } from './session.ts';
import type { Starting } from './start-backend.ts';

export interface NetworkPorts {
  readonly backend: Backend;
  readonly network: {
    /** The hosts that an agent needs, by what this shell's variables say. */
    readonly agentHosts: (agent: string) => Promise<readonly string[]>;
    /** USER:PASSWORD for the proxy of the user's own network. */
    readonly upstreamLogin: (url: string) => Promise<string | undefined>;
    /** The user goes on where nothing proves that the network is closed. */
    readonly acceptUnenforced: () => Promise<boolean>;
  };
}

/**
 * Beside a session's start, and ended before its agent starts: brings the rules up to date with what this shell's
 * agent needs, and proves that there is no other way out. Where that is not proved the session is stopped again.
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
    // Nobody is to find it running, unproved. What ran before was proved when it was started, and an agent may be at
    // work in it: a connection that broke under the question is no reason to end that.
    if (session.egress !== undefined)
      if (session.state !== 'running' || isPaudeError(error, 'NETWORK_UNENFORCED'))
        await ports.backend.stop(session.location.name, AbortSignal.timeout(60_000)).catch(() => undefined);
    throw error;
  }
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
  await starting.proxy;
  const hosts = await network.agentHosts(description.agent);
  const change = (present: NetworkRules) => withAgentHosts(present, hosts);
  const rules =
    change(egress.rules) === egress.rules
      ? egress.rules
      : await changeNetwork(backend, { ...session, state: 'running' }, change, signal);
  await sendLogin(ports, session, signal);
  const [verdict, openings, mayBeOpen] = await Promise.all([
    verdictOn(backend, session, rules, starting, report, signal),
    backend.openings(location.name, signal),
    network.acceptUnenforced(),
  ]);
  const accepted = description.acceptUnenforced === true || mayBeOpen;
  const isOpen = judge(location.name, verdict, openings, accepted, report);
  await rememberOpen(backend, location.name, rules, isOpen, signal);
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

/** What ran before, and was proved in that very run, is not probed again at each connect. */
async function verdictOn(
  backend: Backend,
  { location: { name }, state }: Session,
  rules: NetworkRules,
  starting: Starting,
  report: Report,
  signal: AbortSignal,
): Promise<Verdict> {
  if (state === 'running' && (await wasProved(backend, name, signal))) return { open: [] };
  report({ type: 'step', text: `proving that the network of ${name} is closed` });
  return probeNetwork(backend, name, rules, starting.session, signal);
}

/** The same object where nothing changes. */
function withAgentHosts(rules: NetworkRules, hosts: readonly string[]): NetworkRules {
  const agent = [...new Set(hosts.map(normalEntry))].sort();
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
