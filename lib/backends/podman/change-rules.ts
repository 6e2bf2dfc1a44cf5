import type { NetworkRules } from '../../egress/network-rules.ts';
import type { SessionName } from '../../names.ts';
import { filtered } from '../../session/change-network.ts';
import { notOurs, objectLabels } from './create-objects.ts';
import {
  encoded,
  labelArguments,
  labels,
  manager,
  objectName,
  rulesOf,
  sessionOf,
  type Labels,
} from './objects.ts';
import type { Podman } from './podman.ts';
import { podmanError } from './podman-errors.ts';
import { rows } from './rows.ts';

/** What `podman volume ls --format json` says of a volume. */
export interface VolumeRow {
  readonly Name: string;
  readonly Labels: Labels | null;
}

/** Rules as an empty volume keeps them in a label: Podman changes no label, so that each change makes a volume. */
export interface KeptRules {
  readonly rules: NetworkRules;
  readonly volume: string;
  /** One more than that of what was changed. */
  readonly generation: number;
}

/** The rules that count for each session: those of the latest generation. */
export function rulesBySession(volumes: readonly VolumeRow[]): ReadonlyMap<string, KeptRules> {
  const kept = allKept(volumes).map(({ session, ...one }) => [session, one] as const);
  return new Map(kept.sort(([, a], [, b]) => a.generation - b.generation));
}

function allKept(volumes: readonly VolumeRow[]): readonly (KeptRules & { readonly session: string })[] {
  return volumes.flatMap(({ Name: volume, Labels: own }) => {
    const rules = rulesOf(own ?? {});
    if (rules === undefined) return [];
    return [
      {
        session: own![labels.session]!,
        rules,
        volume,
        generation: Number(/\.(\d+)$/.exec(volume)?.[1] ?? 0),
      },
    ];
  });
}

/**
 * Changes a session's rules. Of two changes at once only one makes the volume of the next generation, and the other one
 * changes what that has made. Volumes go when there is a later one, so that one of a generation that has gone already
 * is made in vain, which a look afterwards tells. An interrupt leaves the rules of before or after, and never none.
 * Throws SESSION_UNKNOWN, NETWORK_OPEN, and what `change` throws.
 */
export async function changeRules(
  podman: Podman,
  name: SessionName,
  change: (rules: NetworkRules) => NetworkRules,
  signal: AbortSignal,
): Promise<NetworkRules> {
  const list = ['volume', 'ls', '--filter', `label=${labels.session}=${name}`];
  let mine: KeptRules | undefined;
  let earlier: readonly string[] = [];
  for (;;) {
    const [volumes] = await Promise.all([
      rows<VolumeRow>(podman, list, 'look for its rules', name, signal),
      removeVolumes(podman, name, earlier, signal),
    ]);
    const latest = rulesBySession(volumes).get(name);
    const own = volumes.find(({ Name }) => Name === objectName(name));
    const session = own && sessionOf(own.Labels ?? {}, latest?.rules, 'stopped');
    if (session === undefined) {
      if (mine !== undefined) await removeVolumes(podman, name, [mine.volume], signal);
      throw podmanError('change its rules', name, `no such container ${objectName(name)}`);
    }
    if (mine !== undefined && mine.volume === latest?.volume) return mine.rules;
    const { rules: present } = filtered(session);
    const rules = change(present);
    if (rules === present) return rules;
    mine = await makeNext(podman, name, rules, (latest?.generation ?? 0) + 1, signal);
    earlier = mine === undefined ? [] : allKept(volumes).map(({ volume }) => volume);
  }
}

/** Undefined where somebody else has made one of this generation. */
async function makeNext(
  podman: Podman,
  name: SessionName,
  rules: NetworkRules,
  generation: number,
  signal: AbortSignal,
): Promise<KeptRules | undefined> {
  const volume = `rules-${objectName(name)}.${generation}`;
  const kept = {
    [labels.managedBy]: manager,
    [labels.session]: name,
    [labels.rules]: encoded(rules),
  };
  const made = await podman.run(['volume', 'create', ...labelArguments(kept), volume], { signal });
  if (made.exitCode === 0) return { rules, volume, generation };
  if (!/already exists/.test(made.stderr)) throw podmanError('keep its rules', name, made.stderr);
  const found = await objectLabels(podman, 'volume', volume, signal);
  if (found !== undefined && rulesOf(found) === undefined) throw notOurs('volume', volume);
  return undefined;
}

async function removeVolumes(
  podman: Podman,
  name: SessionName,
  volumes: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  if (volumes.length === 0) return;
  const removed = await podman.run(['volume', 'rm', ...volumes], { signal });
  if (removed.exitCode !== 0 && !/no such/i.test(removed.stderr))
    throw podmanError('keep its rules', name, removed.stderr);
}
