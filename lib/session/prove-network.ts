import { hostRulesOf, shownHosts, type NetworkRules } from '../egress/network-rules.ts';
import { formatHostRule } from '../egress/host-rule.ts';
import { formatPlan, planOf, verdictOf, type ProbePlan, type Verdict } from '../egress/probe.ts';
import { isPaudeError, PaudeError } from '../errors.ts';
import type { SessionName } from '../names.ts';
import { askSession } from './ask-session.ts';
import type { Backend, Opening } from './backend.ts';
import type { Report } from './events.ts';
import type { Location } from './location.ts';

/** How long rules may take until they are in force everywhere; seconds. */
const patience = 15;

/**
 * Whether this run of a session was proved before: its probe leaves a mark in the memory of the session, which goes
 * with the run. Where a start goes on only with the proof, an agent that forges one has been proved to be closed in
 * before it could; elsewhere it shows nothing.
 */
export async function wasProved(backend: Backend, name: SessionName, signal: AbortSignal): Promise<boolean> {
  const question = { role: 'session', command: ['paude-session', 'proved'] } as const;
  const answer = await askSession(backend, name, question, signal).catch((error: unknown) => {
    // A session of an image that knows no such mark.
    if (isPaudeError(error, 'SESSION_FAILED')) return '';
    throw error;
  });
  return answer === 'proved\n';
}

/**
 * Has the session try the ways out of it, and the proxy's answers, by what the proxy says is around; once it is `ready`:
 * it runs, and the proxy holds to these rules. Where that it is open is `accepted`, commands may run in it all the same. Throws NETWORK_DOWN where the proxy itself has no way out.
 */
export async function probeNetwork(
  backend: Backend,
  name: SessionName,
  rules: NetworkRules,
  ready: Promise<unknown>,
  accepted: boolean,
  signal: AbortSignal,
): Promise<Verdict> {
  const allowed = allowedHost(rules);
  const where = allowed === undefined ? ['', ''] : [allowed.host, String(allowed.port)];
  const around = await askSession(
    backend,
    name,
    { role: 'proxy', command: ['paude-proxy', 'around', ...where], saysOver: true },
    signal,
  );
  if (around === 'no-way-out\n')
    throw new PaudeError(
      'NETWORK_DOWN',
      `the proxy of the session ${name} has no way out: no route leads from its network to anywhere`,
      { hint: `once other containers here reach the network: git paude start ${name} --detach` },
    );
  const plan = planOf(around, allowed);
  if (plan === undefined) return { open: [], proxy: 'it does not say what is around it' };
  await ready;
  const command = ['paude-session', 'probe', String(patience), ...(accepted ? ['accepted'] : [])];
  const answer = await askSession(
    backend,
    name,
    { role: 'session', command, input: formatPlan(plan), saysOver: true },
    signal,
  );
  return verdictOf(plan, answer);
}

/** One name that must be let through: of what the agent needs, else of what was allowed, the first that is no pattern. */
function allowedHost(rules: NetworkRules): ProbePlan['allowed'] {
  const open = new Map(hostRulesOf(rules).allowed.map((rule) => [formatHostRule(rule), rule]));
  return [...rules.agent, ...rules.allow]
    .flatMap(shownHosts)
    .map((host) => open.get(host))
    .find((rule) => rule !== undefined && !rule.host.includes('*'));
}

/** Throws SESSION_FAILED, and NETWORK_UNENFORCED unless the user accepts that; true where it had to be accepted. */
export function judge(
  { backend, name }: Location,
  { open, unenforced, proxy, unreachable }: Verdict,
  openings: readonly Opening[],
  accepted: boolean,
  report: Report,
): boolean {
  if (unreachable !== undefined)
    report({ type: 'notice', text: `the proxy of ${name} does not reach ${unreachable}` });
  if (proxy !== undefined) {
    throw new PaudeError(
      'SESSION_FAILED',
      `the proxy of the session ${name} does not do its work: ${proxy}`,
      {
        hint: `git paude start ${name} --detach`,
      },
    );
  }
  if (open.length === 0 && openings.length === 0) return false;
  const why = [
    ...(open.length === 0 ? [] : [`it reaches ${open.join(', ')}`]),
    ...openings.map(({ text }) => text),
  ].join('; ');
  const sentence = `the network of the session ${name} is not closed: ${why}`;
  if (accepted) {
    report({ type: 'notice', text: `${sentence}; you accepted that` });
    return true;
  }
  throw new PaudeError(
    'NETWORK_UNENFORCED',
    unenforced === true && openings.length === 0 && backend !== 'podman'
      ? `${sentence}; this cluster does not enforce NetworkPolicy`
      : sentence,
    {
      hint: [
        ...openings.flatMap(({ hint }) => hint ?? []),
        `go on all the same: git paude start ${name} --accept-unenforced`,
      ].join('; or '),
    },
  );
}
