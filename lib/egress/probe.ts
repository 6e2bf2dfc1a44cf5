import { formatHostRule, type HostRule } from './host-rule.ts';

/** An address that a session must not reach, and whose it is. */
export interface Closed {
  readonly kind: 'guarded' | 'direct' | 'dns-tcp' | 'dns-udp' | 'metadata' | 'api' | 'node';
  readonly address: string;
  readonly port: number;
}

/** What a probe is to try: the closed addresses, and one name each that the proxy must refuse and let through. */
export interface ProbePlan {
  readonly closed: readonly Closed[];
  /** The one name that is not counted as asked for. */
  readonly refused: string;
  /** Undefined where nothing is allowed. */
  readonly allowed?: HostRule;
}

export interface Verdict {
  /** What was reached that must not be: phrases for people. */
  readonly open: readonly string[];
  /** Of these is the port that no policy allows: nothing is enforced at all. */
  readonly unenforced?: true;
  /** The proxy neither refuses nor lets through as it should. */
  readonly proxy?: string;
  /** What is allowed and the proxy can't reach, and why: no danger, and the agent won't work. */
  readonly unreachable?: string;
}

export const refusedName = 'probe.git-paude.invalid';

/**
 * The plan that follows from what is around a session's proxy, as `paude-proxy around` says it: KIND ADDRESS PORT a
 * line. Without the guarded port there is no proof: what is merely absent would pass.
 */
export function planOf(around: string, allowed: ProbePlan['allowed']): ProbePlan | undefined {
  const lines = around.split('\n').flatMap((line) => {
    const match = /^(guarded|direct|dns|metadata|api|node) ([0-9A-Fa-f.:]{2,45}) ([0-9]{1,5})$/.exec(line);
    return match === null ? [] : [{ kind: match[1]!, address: match[2]!, port: Number(match[3]) }];
  });
  if (!lines.some(({ kind }) => kind === 'guarded')) return undefined;
  const closed = lines.flatMap(({ kind, address, port }) =>
    (kind === 'dns' ? (['dns-udp', 'dns-tcp'] as const) : [kind as Closed['kind']]).map((each) => ({
      kind: each,
      address,
      port,
    })),
  );
  return { closed, refused: refusedName, ...(allowed === undefined ? {} : { allowed }) };
}

/** The plan as `paude-session probe` reads it: a number, what to do, where. */
export function formatPlan({ closed, refused, allowed }: ProbePlan): string {
  const tries = closed.map(({ kind, address, port }, index) =>
    [index, kind === 'dns-udp' ? 'udp' : 'tcp', address, port].join(' '),
  );
  return [
    ...tries,
    `refused proxy-refuses ${refused} 443`,
    ...(allowed === undefined
      ? []
      : [`allowed proxy-reaches ${allowed.host} ${allowed.port} ${allowed.scheme}`]),
    '',
  ].join('\n');
}

const kinds: Readonly<Record<Closed['kind'], string>> = {
  guarded: 'the port of its proxy that is closed to all',
  direct: 'an address of the internet',
  'dns-tcp': 'a name server by TCP',
  'dns-udp': 'a name server by UDP',
  metadata: 'the cloud’s metadata',
  api: 'the API server',
  node: 'its node',
};

/**
 * Reads a probe's answer, `NUMBER ok|open|failed WHY` a line. What it did not answer is not proved. `node open WHERE`
 * is of an address that only the session knows: the node's on its own wire.
 */
export function verdictOf(plan: ProbePlan, answer: string): Verdict {
  const said = new Map(
    answer.split('\n').flatMap((line) => {
      const match = /^(\w+) (ok|open|failed) ?(.*)$/.exec(line);
      return match === null ? [] : [[match[1]!, { state: match[2]!, why: match[3]! }] as const];
    }),
  );
  const reached = plan.closed.filter((_, index) => said.get(String(index))?.state !== 'ok');
  const open = reached.map(({ kind, address, port }) => `${kinds[kind]} (${address} port ${port})`);
  const node = said.get('node');
  const refused = said.get('refused');
  const allowed = said.get('allowed');
  return {
    open: node?.state === 'open' ? [...open, `${kinds.node} (${node.why})`] : open,
    ...(reached.some(({ kind }) => kind === 'guarded') ? { unenforced: true } : {}),
    ...(refused?.state === 'ok' ? {} : { proxy: refused?.why || 'it gave no answer' }),
    ...(plan.allowed === undefined || allowed?.state === 'ok'
      ? {}
      : { unreachable: `${formatHostRule(plan.allowed)}: ${allowed?.why || 'it gave no answer'}` }),
  };
}
