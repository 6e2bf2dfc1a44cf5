import { isPaudeError } from '../errors.ts';
import type { Backend } from '../session/backend.ts';
import { describePlace, parseLocation, type Location, type Place } from '../session/location.ts';
import type { Session } from '../session/session.ts';
import type { SessionName } from '../names.ts';
import { placeOf } from '../session/place-of.ts';
import { resolveSession } from '../session/resolve-session.ts';
import type { Context } from './command.ts';

/** The session that a verb means, by name, by this repository, or by where the user has sessions. */
export async function whichSession(context: Context, name: string | undefined): Promise<Location> {
  const ports = {
    named: context.named,
    remotes: () => sessionRemotes(context).then((remotes) => remotes.map(({ location }) => location)),
    find: async (wanted: SessionName) => {
      // Where there is one place only, it is there or nowhere.
      if ((await distinctPlaces(context)).length === 1) return [];
      const get = async (backend: Backend) => (await backend.get(wanted, context.signal)) ?? [];
      return (await askEverywhere(context, get)).found.map(({ location }) => location);
    },
    list: async () => (await allSessions(context)).found.map(({ location }) => location),
  };
  // Asked for last: a session that a remote names needs no backend of the settings.
  return resolveSession(
    { ...ports, locate: async (wanted) => (await context.backend()).locate(wanted) },
    name,
  );
}

/** The sessions of every place that the settings and the user's history name. */
export async function allSessions(context: Context): Promise<Answers> {
  const answers = await askEverywhere(context, (backend) => backend.list(context.signal));
  const { found } = answers;
  const distinct = new Map(found.map((session) => [JSON.stringify(session.location), session]));
  return { ...answers, found: [...distinct.values()] };
}

interface Answers {
  readonly found: readonly Session[];
  /** False when somewhere could not be asked. */
  readonly whole: boolean;
}

/**
 * Asks the backend of the settings and each place that the user has used, all at once. One that can't be reached is
 * named on stderr, and where nothing was found its failure is the answer: unreachable is not empty.
 */
async function askEverywhere(
  context: Context,
  ask: (backend: Backend) => Promise<Session | readonly Session[]>,
): Promise<Answers> {
  const places = await distinctPlaces(context);
  const answers = await Promise.allSettled(places.map(async (place) => ask(await context.backend(place))));
  const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  const failed = answers.flatMap((answer, index) =>
    answer.status === 'rejected' ? [{ place: places[index], reason: answer.reason as unknown }] : [],
  );
  if (context.signal.aborted) throw failed[0]?.reason;
  const counting = await failuresThatCount(context, failed);
  const [first] = counting;
  const isAnswer = found.length === 0 && first !== undefined;
  for (const { place, reason } of counting) {
    if (isAnswer && reason === first.reason) continue;
    const where = place === undefined ? 'the default backend' : describePlace(place);
    context.output.say(`${where} can't be asked:`);
    context.output.fail(reason);
  }
  if (isAnswer) throw first.reason;
  return { found, whole: counting.length === 0 };
}

/** The place of the settings, as undefined, and the used ones that are not the same. */
async function distinctPlaces(context: Context): Promise<readonly (Place | undefined)[]> {
  const used = await context.places();
  if (used.length === 0) return [undefined];
  // What is wrong with it is told when it is asked.
  const own = await context.backend().then(placeOf, () => undefined);
  return [undefined, ...used.filter((place) => describePlace(place) !== own)];
}

interface Failure {
  readonly place: Place | undefined;
  readonly reason: unknown;
}

/** Nobody asked for Podman where it is not installed, and who uses clusters need not have it: that is just said. */
async function failuresThatCount(context: Context, failed: readonly Failure[]): Promise<readonly Failure[]> {
  const isMissing = ({ place, reason }: Failure) =>
    place === undefined && isPaudeError(reason, 'BACKEND_MISSING');
  if (!failed.some(isMissing)) return failed;
  if ((await context.places()).length === 0) return failed;
  if ((await context.settings()).origins.backend?.source !== 'fallback') return failed;
  context.output.say(
    'Podman is not installed here, so it has no sessions; git config paude.backend names another default',
  );
  return failed.filter((failure) => !isMissing(failure));
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
