import type { CoreV1Event, CoreV1EventList } from '@kubernetes/client-node';
import { isPaudeError, PaudeError, type ErrorCode } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import { shellWord } from '../../printable.ts';
import { paths, type Cluster } from './cluster.ts';
import { podOf, type Part } from './network-objects.ts';
import type { PodState } from './pod-state.ts';

type Stuck = Extract<PodState, { type: 'stuck' }>;

/** So many of a pod's last warnings are told. */
const shownWarnings = 3;

const stuckCodes: Readonly<Record<Stuck['kind'], ErrorCode>> = {
  image: 'IMAGE_PULL_FAILED',
  crash: 'SESSION_FAILED',
  unschedulable: 'POD_PENDING',
  config: 'SESSION_FAILED',
};

const sentences: Readonly<Record<Stuck['kind'], string>> = {
  image: 'its image can’t be pulled',
  crash: 'it ends by itself',
  unschedulable: 'no node takes its pod',
  config: 'its container can’t be made',
};

/** Why a pod can't get better, in the cluster's own words: its last warnings, and the end of its log where it crashes. */
export async function stuckError(
  cluster: Cluster,
  name: SessionName,
  part: Part,
  { kind, why }: Stuck,
  signal: AbortSignal,
): Promise<PaudeError> {
  const [last, warnings] = await Promise.all([
    kind === 'crash' ? lastLines(cluster, podOf(name, part), signal) : '',
    lastWarnings(cluster, podOf(name, part).pod, why, signal),
  ]);
  return cantStart(cluster, name, part, stuckCodes[kind], `${sentences[kind]}: ${why}${warnings}${last}`);
}

/** The error of a start that a part of the session stands in the way of, with what shows more of it. */
export function cantStart(
  cluster: Cluster,
  name: SessionName,
  part: Part,
  code: ErrorCode,
  why: string,
): PaudeError {
  const whose = part === 'proxy' ? 'its proxy: ' : '';
  return new PaudeError(code, `the session ${name} can't start: ${whose}${why}`, {
    hint: describeHint(cluster, podOf(name, part).pod),
  });
}

/** To paste as it stands: events stay when the pod has gone. */
function describeHint({ context, namespace }: Cluster, pod: string): string {
  const where = `-n ${namespace} --context=${shellWord(context)}`;
  const described = `pod ${pod} ${where}`;
  return (
    `kubectl get events --field-selector=involvedObject.name=${pod} ${where}; ` +
    `while it starts: oc describe ${described}, or kubectl describe ${described}`
  );
}

/** What the cluster last complained of about its pod, besides what is known: some lines, the newest last. */
async function lastWarnings(
  cluster: Cluster,
  pod: string,
  known: string,
  signal: AbortSignal,
): Promise<string> {
  const query = { fieldSelector: `involvedObject.name=${pod},type=Warning` };
  try {
    const path = paths.events(cluster.namespace);
    const found = await cluster.ask<CoreV1EventList>('look at its events', 'GET', path, { query, signal });
    const when = (one: CoreV1Event) => String(one.lastTimestamp ?? one.eventTime ?? '');
    const sorted = [...found.items].sort((a, b) => (when(a) < when(b) ? -1 : 1));
    const said = new Set(sorted.map(({ message = '' }) => message.trim()).filter((text) => text !== known));
    return [...said]
      .slice(-shownWarnings)
      .map((text) => `\n${text}`)
      .join('');
  } catch (error) {
    // Who may not see events hears the rest.
    if (!isPaudeError(error) || isPaudeError(error, 'INTERRUPTED')) throw error;
    return '';
  }
}

/** The end of what the container said before it ended. */
async function lastLines(
  cluster: Cluster,
  { pod, container }: ReturnType<typeof podOf>,
  signal: AbortSignal,
): Promise<string> {
  const path = `${paths.pods(cluster.namespace)}/${pod}/log`;
  for (const previous of ['true', 'false']) {
    try {
      const query = { container, previous, tailLines: '10' };
      const said = await cluster.ask<string>('read its log', 'GET', path, { query, signal });
      if (String(said).trim() !== '') return `\n${String(said).trim()}`;
    } catch (error) {
      // There may be no log yet, or none of before; what is known is told without it.
      if (!isPaudeError(error) || isPaudeError(error, 'INTERRUPTED')) throw error;
    }
  }
  return '';
}
