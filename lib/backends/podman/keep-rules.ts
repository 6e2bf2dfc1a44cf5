import { randomUUID } from 'node:crypto';
import type { NetworkRules } from '../../egress/network-rules.ts';
import { PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import { encoded, labelArguments, labels, manager, objectName, rulesOf, type Labels } from './objects.ts';
import type { Podman } from './podman.ts';
import { podmanError } from './podman-errors.ts';

/**
 * Keeps a session's rules in the label of an empty volume, for Podman changes no label: the new one is made before
 * the old ones go, so that an interrupt leaves the rules of before or after, and never none.
 */
export async function keepRules(
  podman: Podman,
  name: SessionName,
  rules: NetworkRules,
  signal: AbortSignal,
): Promise<void> {
  const kept = {
    [labels.managedBy]: manager,
    [labels.session]: name,
    [labels.created]: new Date().toISOString(),
    [labels.rules]: encoded(rules),
  };
  const volume = `rules-${objectName(name)}-${randomUUID()}`;
  // At once: the old ones are told by when they were made, so that of two changes at once each leaves the other's or its own.
  const [{ known, before: old }, made] = await Promise.all([
    volumesOf(podman, name, kept[labels.created]!, signal),
    podman.run(['volume', 'create', ...labelArguments(kept), volume], { signal }),
  ]);
  if (made.exitCode !== 0) throw podmanError('keep its rules', name, made.stderr);
  const before = known ? old : [volume];
  if (before.length === 0) return;
  const removed = await podman.run(['volume', 'rm', ...before], { signal });
  if (removed.exitCode !== 0 && !/no such/i.test(removed.stderr))
    throw podmanError('keep its rules', name, removed.stderr);
  if (known) return;
  throw new PaudeError('SESSION_UNKNOWN', `there is no session ${name}`, {
    hint: `git paude list, or git paude create ${name}`,
  });
}

/** Whether there is the session's own volume, and those that keep rules from before a time. */
async function volumesOf(
  podman: Podman,
  name: SessionName,
  time: string,
  signal: AbortSignal,
): Promise<{ readonly known: boolean; readonly before: readonly string[] }> {
  const filter = `label=${labels.session}=${name}`;
  const found = await podman.run(['volume', 'ls', '--filter', filter, '--format', 'json'], { signal });
  if (found.exitCode !== 0) throw podmanError('look for its rules', name, found.stderr);
  const rows = (JSON.parse(found.stdout || '[]') as { Name: string; Labels: Labels | null }[] | null) ?? [];
  return {
    known: rows.some(({ Name }) => Name === objectName(name)),
    before: rows.flatMap(({ Name, Labels: own }) =>
      rulesOf(own ?? {}) !== undefined && own![labels.created]! < time ? [Name] : [],
    ),
  };
}
