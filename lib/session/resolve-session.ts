import { isPaudeError, PaudeError } from '../errors.ts';
import type { Backend } from './backend.ts';
import { sessionName, type SessionName } from '../names.ts';
import { describePlace, isNamed, placeFlags, type Location, type NamedPlace } from './location.ts';

export interface ResolvePorts {
  /** What the user says now of where it is. */
  readonly named: NamedPlace;
  /** The sessions that this repository's remotes point to. */
  readonly remotes: () => Promise<readonly Location[]>;
  /** The sessions of this name in the places that the user has not named now, but used before. */
  readonly find: (name: SessionName) => Promise<readonly Location[]>;
  /** Where a session of this name is when nothing else says so. */
  readonly locate: (name: SessionName) => Location | Promise<Location>;
  /** All sessions that there are. */
  readonly list: () => Promise<readonly Location[]>;
}

/**
 * Which session is meant. A name: the one that a remote of this repository points to, else the only one of that
 * name where the user has sessions, else the one in the backend of the settings. No name: the session of this
 * repository's remotes, if there is just one; else the only session there is. What the user says of the place goes
 * before all that. Throws SESSION_AMBIGUOUS with their names, SESSION_UNKNOWN, NAME_INVALID.
 */
export async function resolveSession(ports: ResolvePorts, given: string | undefined): Promise<Location> {
  const remotes = distinct(await ports.remotes()).filter((location) => isNamed(location, ports.named));
  if (given !== undefined) {
    const name = sessionName(given);
    const matches = remotes.filter((location) => location.name === name);
    if (matches.length > 1)
      throw ambiguous(`the remotes of this repository name more than one session ${name}`, matches);
    if (matches[0] !== undefined) return matches[0];
    const found = distinct(await ports.find(name));
    if (found.length > 1) throw ambiguous(`there is more than one session ${name}`, found);
    return found[0] ?? ports.locate(name);
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
  const [first] = locations as [Location];
  const sameName = locations.every(({ name }) => name === first.name);
  const shown = locations.map((one) => (sameName ? `${one.name} in ${describePlace(one)}` : one.name));
  return new PaudeError('SESSION_AMBIGUOUS', `${what}: ${shown.join(', ')}`, {
    hint: sameName ? `add ${locations.map(placeFlags).join(', or ')}` : `add a name, such as ${first.name}`,
  });
}

/** The error for a session that is not there, with the names that are. */
export function unknownSession(name: SessionName, existing: readonly string[]): PaudeError {
  const there = existing.length === 0 ? 'there is none' : `there are: ${existing.join(', ')}`;
  return new PaudeError('SESSION_UNKNOWN', `there is no session ${name}; ${there}`, {
    hint: `git paude create ${name}`,
  });
}

/** The names of all sessions, for an error that says which there are. */
export async function existingNames(backend: Backend, signal: AbortSignal): Promise<readonly string[]> {
  return (await backend.list(signal)).map((session) => session.location.name).sort();
}

/** Does something with a session; where there is none of that name, the error says which there are. */
export async function amongSessions<T>(
  backend: Backend,
  name: SessionName,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isPaudeError(error, 'SESSION_UNKNOWN')) throw error;
    const names = await existingNames(backend, signal).catch(() => {
      throw error;
    });
    throw unknownSession(name, names);
  }
}
