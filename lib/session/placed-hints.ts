import { isPaudeError, PaudeError } from '../errors.ts';
import { placeFlags, type Location, type NamedPlace } from './location.ts';

/** The verbs that look for a session by its name. */
const verbs = ['connect', 'create', 'delete', 'exec', 'network', 'remote add', 'start', 'stop', 'sync'];

/** A command with the name of a session, or, at the text's end, without; one that has its place already is left. */
const commands = new RegExp(
  `git paude (${verbs.join('|')})(?: ([a-z0-9][a-z0-9-]*)(?![a-z0-9-])(?! --backend=)|$)`,
  'g',
);

export interface Meant {
  /** As much of the place as was said, and is to be said again with every command. */
  readonly named: NamedPlace;
  /** The sessions that what is hinted at is about. */
  readonly sessions: readonly Location[];
}

/**
 * Gives the commands that a text hints at the flags of the place that is meant, so that they find the same session
 * wherever they are pasted: a delete always, and a create, which looks for none; the others where a place was named.
 */
export function placedHints(text: string, { named, sessions }: Meant): string {
  const isNamed = Object.keys(named).length > 0;
  return text.replace(commands, (command, verb: string, name: string | undefined) => {
    const place = sessions.find((session) => session.name === name) ?? named;
    const flags = isNamed || verb === 'delete' || verb === 'create' ? placeFlags(place) : '';
    return flags === '' ? command : `${command} ${flags}`;
  });
}

/** The same of what an error hints at. */
export function placedError(error: unknown, meant: Meant): unknown {
  if (!isPaudeError(error) || error.hint === undefined) return error;
  const { code, message, cause, stack } = error;
  const hint = placedHints(error.hint, meant);
  return Object.assign(new PaudeError(code, message, { hint, cause }), { stack });
}
