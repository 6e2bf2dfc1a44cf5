import { PaudeError } from '../errors.ts';
import { shellWord } from '../printable.ts';
import { describePlace, formatLocation } from '../session/location.ts';
import { printTable } from '../ui/table.ts';
import type { Command } from './command.ts';
import { here, nextPush } from './here.ts';
import { offerHook } from './hooks.ts';
import { remoteName, sessionRemotes, whichSession, type SessionRemote } from './which-session.ts';

export const remoteAdd: Command = async (context, { args }) => {
  const repository = await here(context);
  const location = await whichSession(context, args[0]);
  const remote = remoteName(location);
  // Asked first: where the backend can't answer, nothing is changed.
  const backend = await context.backend(location);
  const exists = (await backend.get(location.name, context.signal)) !== undefined;
  await context.remember(location, context.report);
  const outcome = await repository.addRemote(remote, formatLocation(location));
  context.output.say(`the remote ${remote} is ${outcome === 'added' ? 'added' : 'there already'}`);
  if (!exists) context.output.say(`there is no session ${location.name} yet: the first push creates it`);
  await offerHook(context, repository);
  context.output.say(`next: ${await nextPush(repository, remote)}`);
  return 0;
};

export const remoteList: Command = async (context, { flags }) => {
  await here(context);
  const remotes = await sessionRemotes(context);
  if (flags.get('json') === true) context.output.json(remotes.map(({ name, url }) => ({ name, url })));
  else
    printTable(
      context.output,
      ['REMOTE', 'URL'],
      remotes.map(({ name, url }) => [name, url]),
    );
  return 0;
};

export const remoteRemove: Command = async (context, { args }) => {
  const repository = await here(context);
  const remotes = await sessionRemotes(context);
  const ofSession = remotes.filter(({ location }) => location.name === args[0]);
  const found = remotes.find(({ name }) => name === args[0]) ?? ofSession[0];
  if (found === undefined) {
    const names = remotes.map(({ name }) => name).join(', ') || 'none';
    throw new PaudeError(
      'REMOTE_UNKNOWN',
      `there is no remote of a session ${args[0] ?? ''}; there are: ${names}`,
      {
        hint: 'git paude remote list',
      },
    );
  }
  if (found.name !== args[0] && ofSession.length > 1) {
    const names = ofSession.map(({ name }) => name);
    throw new PaudeError(
      'SESSION_AMBIGUOUS',
      `there is more than one remote of a session ${args[0]}: ${names.join(', ')}`,
      { hint: names.map((name) => `git paude remote remove ${shellWord(name)}`).join(', or ') },
    );
  }
  await repository.removeRemote(found.name);
  context.output.say(`the remote ${found.name} is removed; the session is left as it is`);
  return 0;
};

function byPlace(remotes: readonly SessionRemote[]): ReadonlyMap<string, readonly SessionRemote[]> {
  const places = new Map<string, SessionRemote[]>();
  for (const remote of remotes) {
    const place = describePlace(remote.location);
    places.set(place, [...(places.get(place) ?? []), remote]);
  }
  return places;
}

/** Removes the remotes whose session is gone; where a backend can't be asked, nothing is known to be gone. */
export const remoteCleanup: Command = async (context) => {
  const repository = await here(context);
  const remotes = await sessionRemotes(context);
  let code = 0;
  let removed = 0;
  for (const [place, here] of byPlace(remotes)) {
    try {
      const sessions = await (await context.backend(here[0]!.location)).list(context.signal);
      const present = new Set(sessions.map((session) => formatLocation(session.location)));
      for (const remote of here) {
        if (present.has(formatLocation(remote.location))) continue;
        await repository.removeRemote(remote.name);
        removed++;
        context.output.say(`the remote ${remote.name} is removed: its session is gone`);
      }
    } catch (error) {
      if (context.signal.aborted) throw error;
      context.output.say(`the remotes on ${place} are left as they are:`);
      context.output.fail(error);
      code = 1;
    }
  }
  if (removed === 0 && code === 0)
    context.output.say('every remote of a session has its session; none is removed');
  return code;
};
