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
      const places = await distinctPlaces(context, await context.places());
      // Where there is one place only, it is there or nowhere.
      if (places.length === 1) return [];
      const get = async (backend: Backend) => (await backend.get(wanted, context.signal)) ?? [];
      return (await askEverywhere(context, places, get)).found.map(({ location }) => location);
    },
    list: async () => (await allSessions(context)).found.map(({ location }) => location),
  };
  // Asked for last: a session that a remote names needs no backend of the settings.
  const locate = async (wanted: SessionName) => (await context.backend()).locate(wanted);
  const location = await resolveSession({ ...ports, locate }, name);
  context.means(location);
  return location;
}

/** The sessions of every place that the settings and the user's history name. */
export async function allSessions(context: Context): Promise<Answers> {
  return sessionsIn(context, await distinctPlaces(context, await context.places()));
}

/**
 * The sessions of every place where the user can have some, whatever the flags say: for what must not overlook one.
 * A machine without Podman has none of Podman's.
 */
export async function sessionsAnywhere(context: Context): Promise<Answers> {
  const [places, remotes] = await Promise.all([context.everyPlace(), sessionRemotes(context)]);
  return sessionsIn(
    context,
    await distinctPlaces(context, [...places, ...remotes.map(({ location }) => location)]),
  );
}

function sessionsIn(context: Context, places: Places): Promise<Answers> {
  return askEverywhere(context, places, (backend) => backend.list(context.signal));
}

interface Answers {
  readonly found: readonly Session[];
  /** False when somewhere could not be asked. */
  readonly whole: boolean;
}

/** Where sessions are looked for: the place of the settings, as undefined, and others. */
type Places = readonly (Place | undefined)[];

/**
 * Asks all places at once. One that can't be reached is named on stderr, and where nothing was found its failure is the
 * answer: unreachable is not empty.
 */
async function askEverywhere(
  context: Context,
  places: Places,
  ask: (backend: Backend) => Promise<Session | readonly Session[]>,
): Promise<Answers> {
  const answers = await Promise.allSettled(
    places.map(async (place) => {
      const backend = await context.backend(place);
      const answer = await ask(backend);
      context.hasAnswered(place ?? placeOf(backend));
      return answer;
    }),
  );
  const found = distinct(answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : [])));
  const failed = answers.flatMap((answer, index) =>
    answer.status === 'rejected' ? [{ place: places[index], reason: answer.reason as unknown }] : [],
  );
  if (context.signal.aborted) throw failed[0]?.reason;
  const counting = places.length === 1 ? failed : await failuresThatCount(context, failed);
  // Who once used Podman, and has sessions on clusters now, need not have it running.
  const [first] = counting.filter(({ place }) => place?.backend !== 'podman');
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

/** Each session once, as the first place shows it: two contexts may lead to the one namespace. */
function distinct(sessions: readonly Session[]): readonly Session[] {
  const first = new Map<string, Session>();
  for (const session of sessions) {
    const identity = session.uid ?? JSON.stringify(session.location);
    if (!first.has(identity)) first.set(identity, session);
  }
  return [...first.values()];
}

/** The place of the settings, as undefined, and those that are not the same, each once. */
async function distinctPlaces(context: Context, others: readonly Place[]): Promise<Places> {
  if (others.length === 0) return [undefined];
  // What is wrong with it is told when it is asked.
  const own = await context.backend().then(placeOf, () => undefined);
  const distinct = new Map(others.map((place) => [describePlace(place), place]));
  if (own !== undefined) distinct.delete(describePlace(own));
  return [undefined, ...distinct.values()];
}

interface Failure {
  readonly place: Place | undefined;
  readonly reason: unknown;
}

/** Nobody asked for Podman where it is not installed, and who uses clusters need not have it: that is just said. */
async function failuresThatCount(context: Context, failed: readonly Failure[]): Promise<readonly Failure[]> {
  const missing = failed.filter(({ reason }) => isPaudeError(reason, 'BACKEND_MISSING'));
  if (missing.length === 0) return failed;
  const nobodyNamed = (await context.settings()).origins.backend?.source === 'fallback';
  const said = missing.filter(({ place }) =>
    place === undefined ? nobodyNamed : place.backend === 'podman',
  );
  if (said.length > 0)
    context.output.say(
      `Podman is not installed here, so it has no sessions${nobodyNamed ? '; git config paude.backend names another default' : ''}`,
    );
  return failed.filter((failure) => !said.includes(failure));
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
