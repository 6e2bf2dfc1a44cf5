import { isPaudeError } from './errors.ts';
import type { Report } from './session/events.ts';
import {
  describePlace,
  isNamed,
  placeFlags,
  type Location,
  type NamedPlace,
  type Place,
} from './session/location.ts';
import { placedError, placedHints } from './session/placed-hints.ts';

interface House {
  readonly flags: ReadonlyMap<string, unknown>;
  /** `~/.config/paude` */
  readonly userFolder: string;
  /** Where sessions are when no flag says so. */
  readonly usualPlace: () => Promise<Place>;
}

/** Where the user has sessions. */
export function placePorts({ flags, userFolder, usualPlace }: House) {
  const named = namedBy(flags);
  const sessions: Location[] = [];
  const meant = { named, sessions };
  const answered = new Map<string, Place>();
  /** What could not be remembered is said once. */
  const remembered = new Set<string>();

  async function used(): Promise<readonly Place[]> {
    const { usedPlaces } = await import('./config/places.ts');
    return usedPlaces(userFolder);
  }

  /** For the user's convenience: where nothing can be written that is said, and the work goes on. */
  async function remember(place: Place, report: Report): Promise<void> {
    if (remembered.has(describePlace(place))) return;
    remembered.add(describePlace(place));
    const { rememberPlace } = await import('./config/places.ts');
    try {
      await rememberPlace(userFolder, place);
    } catch (error) {
      if (!isPaudeError(error)) throw error;
      if (await isLookedAtAnyway(place)) return;
      const text = `${describePlace(place)} is not remembered: ${error.message}; where no remote names it, a session there is found only with ${placeFlags(place)}`;
      report({ type: 'notice', text });
    }
  }

  return {
    named,
    /** What is told, with the place in the commands that it hints at; and the same of errors. */
    placed: (text: string): string => placedHints(text, meant),
    placedError: (error: unknown): unknown => placedError(error, meant),
    /** Says of which session the command is. */
    means: (session: Location): void => void sessions.push(session),
    /** Says that a place was asked, and has answered. */
    hasAnswered: (place: Place): void => void answered.set(describePlace(place), place),
    /** After a command that went well: remembers where it worked, if that was named with flags. */
    rememberNamed: async (report: Report): Promise<void> => {
      const places = Object.keys(named).length === 0 ? [] : [...sessions, ...answered.values()];
      for (const place of places) if (isNamed(place, named)) await remember(place, report);
    },
    /** The places that the user has used, where no flag says which one is meant. */
    places: async (): Promise<readonly Place[]> => (Object.keys(named).length > 0 ? [] : used()),
    /** Whatever the flags say: Podman, the places that the user has used, and the one that the flags override. */
    everyPlace: async (): Promise<readonly Place[]> => {
      const overridden = Object.keys(named).length > 0 ? [await usualPlace()] : [];
      return [{ backend: 'podman' }, ...overridden, ...(await used())];
    },
    remember,
  };

  /** Podman, where it is the default. Which cluster is the default changes with the kubeconfig. */
  async function isLookedAtAnyway(place: Place): Promise<boolean> {
    if (place.backend !== 'podman') return false;
    // What is wrong with the default is told where it is asked.
    const usual = await usualPlace().catch(() => undefined);
    return usual?.backend === 'podman';
  }
}

function namedBy(flags: ReadonlyMap<string, unknown>): NamedPlace {
  const text = (key: string) => (typeof flags.get(key) === 'string' ? (flags.get(key) as string) : undefined);
  const [backend, context, namespace] = ['backend', 'openshift-context', 'openshift-namespace'].map(text);
  return {
    ...(backend !== undefined && { backend: backend === 'podman' ? 'podman' : 'kubernetes' }),
    ...(context !== undefined && { context }),
    ...(namespace !== undefined && { namespace }),
  };
}
