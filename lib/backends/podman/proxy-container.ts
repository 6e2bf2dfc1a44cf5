import { hostRulesOf } from '../../egress/network-rules.ts';
import { proxyConfiguration } from '../../egress/proxy-configuration.ts';
import type { SessionName } from '../../names.ts';
import type { EgressSpec, Session } from '../../session/session.ts';
import {
  labelArguments,
  labels,
  manager,
  objectName,
  ownProxyOnly,
  proxyMemoryArguments,
  proxyMemoryName,
  proxyName,
  type Addresses,
  type Labels,
} from './objects.ts';
import type { Podman } from './podman.ts';
import { podmanError } from './podman-errors.ts';

/** Podman's own network, which leads out. A session's is internal, and has the proxy on it for the only neighbour. */
const outside = 'podman';
/** How often a start begins again that another one came in the way of. */
const attempts = 5;

/** What is known already of where a proxy is to be, and of one that is there. */
export interface ProxyPlace {
  readonly addresses?: Addresses | undefined;
  /** Of its container, as podman calls it. */
  readonly state?: string | undefined;
}

/**
 * Starts a session's proxy with the rules as they are. It is made anew each time, and only what runs already is left
 * alone: who starts a session tells it what was changed since. Throws IMAGE_MISSING.
 */
export async function startProxy(
  podman: Podman,
  session: Session,
  { addresses, state }: ProxyPlace,
  signal: AbortSignal,
): Promise<void> {
  const { egress, location } = session;
  if (egress === undefined || state === 'running') return;
  const { name } = location;
  const object = proxyName(name);
  const where = addresses ?? (await addressesOf(podman, name, signal));
  // One that a killed machine has left: its rules may be old. One that is about to run is left alone.
  if (state !== undefined && /^(exited|stopped|dead)$/.test(state))
    await podman.run(['rm', '--ignore', object], { signal });
  if (egress.upstream !== undefined) await ensureProxyMemory(podman, session, signal);
  // Of two starts at once, each may find what the other one has just made, or made and not started yet.
  for (let attempt = 1; ; attempt++) {
    const made = await podman.run(proxyArguments(session, egress, where), { signal });
    if (made.exitCode === 0) return;
    if (!/already in use/.test(made.stderr)) throw podmanError('make its proxy', name, made.stderr);
    const started = await podman.run(['start', object], { signal });
    if (started.exitCode === 0) return;
    if (attempt === attempts || !/no such container/i.test(started.stderr))
      throw podmanError('start its proxy', name, started.stderr);
  }
}

export async function stopProxy(podman: Podman, name: SessionName, signal: AbortSignal): Promise<void> {
  const removed = await podman.run(['rm', '--force', '--ignore', '--time', '1', proxyName(name)], { signal });
  if (removed.exitCode !== 0) throw podmanError('stop its proxy', name, removed.stderr);
}

/** Where the login to another proxy is kept. */
async function ensureProxyMemory(podman: Podman, session: Session, signal: AbortSignal): Promise<void> {
  const { name } = session.location;
  const made = await podman.run(proxyMemoryArguments(name, labelsFor(session)), { signal });
  if (made.exitCode === 0 || /already exists/.test(made.stderr)) return;
  throw podmanError("create its proxy's memory", name, made.stderr);
}

function labelsFor({ location: { name }, owner }: Session): Labels {
  return { [labels.managedBy]: manager, [labels.session]: name, [labels.owner]: owner };
}

function proxyArguments(
  session: Session,
  { image, rules, upstream }: EgressSpec,
  addresses: Addresses,
): readonly string[] {
  const { name } = session.location;
  const environment = {
    PAUDE_CONFIGURATION: proxyConfiguration(hostRulesOf(rules), upstream),
    PAUDE_SESSION: name,
    // It is on two networks, and there for one neighbour only.
    PAUDE_LISTEN: addresses.proxy,
    PAUDE_CLIENT: addresses.session,
  };
  return [
    ...['run', '--detach', '--name', proxyName(name)],
    ...labelArguments(labelsFor(session)),
    ...['--network', `${objectName(name)}:ip=${addresses.proxy}`, '--network', outside, ownProxyOnly],
    ...['--user', '1000:0', '--cap-drop', 'all', '--security-opt', 'no-new-privileges'],
    // Its root is not read-only: what was changed must outlive a crash, after which it is started again.
    ...['--restart', 'on-failure', '--stop-timeout', '1', '--pull', 'never'],
    ...(upstream === undefined
      ? ['--tmpfs', '/tmp:rw,nosuid,nodev,mode=1777']
      : ['--volume', `${proxyMemoryName(name)}:/tmp`]),
    ...Object.entries(environment).flatMap(([key, value]) => ['--env', `${key}=${value}`]),
    image,
  ];
}

/** The addresses of a session's network, by the subnet that Podman chose: the third and fourth of it. */
export async function addressesOf(
  podman: Podman,
  name: SessionName,
  signal: AbortSignal,
): Promise<Addresses> {
  const found = await podman.run(['network', 'inspect', objectName(name)], { signal });
  if (found.exitCode !== 0) throw podmanError('look at its network', name, found.stderr);
  const [network] = JSON.parse(found.stdout) as { subnets?: { subnet: string }[] }[];
  const subnet = network?.subnets?.map((one) => one.subnet).find((text) => text.includes('.'));
  if (subnet === undefined) throw podmanError('look at its network', name, 'it has no IPv4 subnet');
  const [base = ''] = subnet.split('/');
  const [a, b, c, d] = base.split('.').map(Number) as [number, number, number, number];
  const address = (offset: number) => [a, b, c, d + offset].join('.');
  return { proxy: address(2), session: address(3) };
}
