import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ClusterRepository, Outcome } from './cluster-repository.ts';
import { testCluster } from './cluster-world.ts';

export interface Requests {
  /** As the API server's audit log has them: the verb and the path, in the order of their arrival. */
  readonly all: readonly string[];
  /** How many had to wait for another's answer, one after the other; those that ran beside each other count once. */
  readonly trips: number;
  readonly outcome: Outcome;
}

interface AuditEvent {
  readonly auditID: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly userAgent: string;
  readonly requestReceivedTimestamp: string;
}

/** Written into the program from outside: when each request was begun, and when its answer began. */
const tracer = `
import { subscribe } from 'node:diagnostics_channel';
import { appendFileSync } from 'node:fs';
const note = (what) => appendFileSync(process.env.PAUDE_TEST_TRIPS, what + ' ' + process.hrtime.bigint() + '\\n');
const numbers = new WeakMap();
let count = 0;
subscribe('http.client.request.start', ({ request }) => {
  // A registry is asked for images by the same program.
  if (!request.path.startsWith('/api')) return;
  const number = process.pid + '-' + ++count;
  numbers.set(request, number);
  note('begin ' + number);
  request.once('upgrade', () => note('end ' + number));
  request.once('error', () => note('end ' + number));
});
subscribe('http.client.response.finish', ({ request }) => numbers.has(request) && note('end ' + numbers.get(request)));
`;

/** Runs one command, in the environment that counts what it asks the API server for. */
export async function countRequests(
  world: ClusterRepository,
  work: (env: NodeJS.ProcessEnv) => Promise<Outcome>,
): Promise<Requests> {
  const [program, trips] = [join(world.root, 'tracer.mjs'), join(world.root, 'trips')];
  writeFileSync(program, tracer);
  writeFileSync(trips, '');
  const before = statSync(testCluster.auditLog).size;
  const outcome = await work({ NODE_OPTIONS: `--import=${program}`, PAUDE_TEST_TRIPS: trips });
  return { all: audited(before), trips: longestChain(readFileSync(trips, 'utf8')), outcome };
}

/** The audit log is written before an answer is given (audit-log-mode: blocking), so it is whole already. */
function audited(from: number): readonly string[] {
  const lines = readFileSync(testCluster.auditLog).subarray(from).toString('utf8').split('\n');
  const events = lines.flatMap((line) => (line === '' ? [] : (JSON.parse(line) as AuditEvent)));
  const ours = events.filter(({ userAgent }) => userAgent === 'git-paude');
  const each = new Map(ours.map((event) => [event.auditID, event]));
  return [...each.values()]
    .sort((a, b) => (a.requestReceivedTimestamp < b.requestReceivedTimestamp ? -1 : 1))
    .map(({ verb, requestURI }) => `${verb} ${requestURI.replace(/\?.*/, '')}`);
}

/** Of intervals, the most of which none overlaps another: the one that ends first, then the next one begun after it. */
function longestChain(text: string): number {
  const ends = new Map<string, bigint>();
  const begins = new Map<string, bigint>();
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [what, number, at] = line.split(' ') as [string, string, string];
    const noted = what === 'begin' ? begins : ends;
    if (!noted.has(number)) noted.set(number, BigInt(at));
  }
  const byEnd = [...begins.keys()]
    .filter((one) => ends.has(one))
    .sort((a, b) => (ends.get(a)! < ends.get(b)! ? -1 : 1));
  let [chain, free] = [0, 0n];
  for (const one of byEnd) {
    if (begins.get(one)! < free) continue;
    chain++;
    free = ends.get(one)!;
  }
  return chain;
}
