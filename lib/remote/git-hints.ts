import type { PaudeError } from '../errors.ts';
import { shellWord } from '../printable.ts';
import { formatLocation, parseLocation, type Location } from '../session/location.ts';
import { placedHints } from '../session/placed-hints.ts';

/**
 * What an error hints at, for somebody who gave a command of git's: git takes none of our flags, and our commands know
 * nothing of a URL that was given to it. `argv` is what git gives a helper: the remote's name, or the URL again, and
 * the URL.
 */
export function gitHint([remote = '', url = '']: readonly string[], error: PaudeError): string | undefined {
  const location = locationOf(url);
  if (error.hint === undefined || location === undefined) return error.hint;
  if (error.code === 'CONTEXT_UNKNOWN' && location.backend === 'kubernetes') {
    const look = 'kubectl config get-contexts';
    // The name of a remote has no colon in it (git-check-ref-format(1)).
    if (remote.includes(':')) return look;
    const moved = formatLocation({ ...location, context: 'CONTEXT' });
    return `${look}, and git remote set-url ${shellWord(remote)} ${moved}`;
  }
  // Our own remote of a session is where its name is looked up first.
  const named = remote === `paude-${location.name}` ? {} : location;
  return placedHints(error.hint, { named, sessions: [location] });
}

function locationOf(url: string): Location | undefined {
  try {
    return parseLocation(url);
  } catch {
    // What is wrong with it is what the error is about.
    return undefined;
  }
}
