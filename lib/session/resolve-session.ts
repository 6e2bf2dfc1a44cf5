import { PaudeError } from '../errors.ts';
import { sessionName, type SessionName } from '../names.ts';
import type { Location } from './location.ts';

export interface ResolvePorts {
  /** The sessions that this repository's remotes point to. */
  readonly remotes: () => Promise<readonly Location[]>;
  /** Where a session of this name is when no remote says so. */
  readonly locate: (name: SessionName) => Location;
  /** All sessions that there are. */
  readonly list: () => Promise<readonly Location[]>;
}

/**
 * Which session is meant. A name: the one that a remote of this repository points to, else the one in the
 * backend of the settings. No name: the session of this repository's remotes, if there is just one; else the
 * only session there is. Throws SESSION_AMBIGUOUS with their names, SESSION_UNKNOWN, NAME_INVALID.
 */
export async function resolveSession(ports: ResolvePorts, given: string | undefined): Promise<Location> {
  const remotes = distinct(await ports.remotes());
  if (given !== undefined) {
    const name = sessionName(given);
    const matches = remotes.filter((location) => location.name === name);
    if (matches.length > 1)
      throw ambiguous(`the remotes of this repository name more than one session ${name}`, matches);
    return matches[0] ?? ports.locate(name);
  }
  if (remotes.length === 1) return remotes[0]!;
  if (remotes.length > 1) throw ambiguous('this repository has remotes of more than one session', remotes);
  const all = await ports.list();
  if (all.length === 1) return all[0]!;
  if (all.length > 1) throw ambiguous('there is more than one session', all);
  throw new PaudeError('SESSION_UNKNOWN', 'there is no session', { hint: 'git paude create' });
}

function distinct(locations: readonly Location[]): readonly Location[] {
  return [...new Map(locations.map((location) => [JSON.stringify(location), location])).values()];
}

function ambiguous(what: string, locations: readonly Location[]): PaudeError {
  const names = locations.map((location) => location.name);
  return new PaudeError('SESSION_AMBIGUOUS', `${what}: ${names.join(', ')}`, {
    hint: `add the name of one of them, such as ${names[0]}`,
  });
}

/** The error for a session that is not there, with the names that are. */
export function unknownSession(name: SessionName, existing: readonly string[]): PaudeError {
  const there = existing.length === 0 ? 'there is none' : `there are: ${existing.join(', ')}`;
  return new PaudeError('SESSION_UNKNOWN', `there is no session ${name}; ${there}`, {
    hint: `git paude create ${name}`,
  });
}
