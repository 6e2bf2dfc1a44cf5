import { isPaudeError } from '../errors.ts';
import { parseLocation, type Location } from '../session/location.ts';
import { resolveSession } from '../session/resolve-session.ts';
import type { Context } from './command.ts';

/** The session that a verb means, by name or by this repository. */
export async function whichSession(context: Context, name: string | undefined): Promise<Location> {
  const backend = await context.backend();
  return resolveSession(
    {
      remotes: () => sessionRemotes(context).then((remotes) => remotes.map(({ location }) => location)),
      locate: backend.locate,
      list: async () => (await backend.list(context.signal)).map((session) => session.location),
    },
    name,
  );
}

export interface SessionRemote {
  readonly name: string;
  readonly url: string;
  readonly location: Location;
}

/** The remotes of this repository that are sessions. One that can't be read is named, and left out. */
export async function sessionRemotes({ repository, output }: Context): Promise<readonly SessionRemote[]> {
  const remotes = (await (await repository())?.remotes()) ?? [];
  return remotes.flatMap((remote) => {
    if (!/^paude:(\/\/|:)/.test(remote.url)) return [];
    try {
      return [{ ...remote, location: parseLocation(remote.url.replace(/^paude::/, '')) }];
    } catch (error) {
      if (!isPaudeError(error)) throw error;
      output.say(`the remote ${remote.name} is left out: ${error.message}`);
      return [];
    }
  });
}

/** The name of a session's remote. */
export function remoteName(location: Location): string {
  return `paude-${location.name}`;
}

/** What is said where a session is made or used, until there is filtering. */
export const networkIsOpen = 'the network of the session is open: filtering is not there yet';
