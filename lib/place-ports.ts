import { isPaudeError } from './errors.ts';
import type { Report } from './session/events.ts';
import { describePlace, placeFlags, type NamedPlace, type Place } from './session/location.ts';

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

  async function used(): Promise<readonly Place[]> {
    const { usedPlaces } = await import('./config/places.ts');
    return usedPlaces(userFolder);
  }

  return {
    named,
    /** The places that the user has used, where no flag says which one is meant. */
    places: async (): Promise<readonly Place[]> => (Object.keys(named).length > 0 ? [] : used()),
    /** Whatever the flags say: Podman, the places that the user has used, and the one that the flags override. */
    everyPlace: async (): Promise<readonly Place[]> => {
      const overridden = Object.keys(named).length > 0 ? [await usualPlace()] : [];
      return [{ backend: 'podman' }, ...overridden, ...(await used())];
    },
    /** For the user's convenience: where nothing can be written that is said, and the work goes on. */
    remember: async (place: Place, report: Report): Promise<void> => {
      const { rememberPlace } = await import('./config/places.ts');
      try {
        await rememberPlace(userFolder, place);
      } catch (error) {
        if (!isPaudeError(error)) throw error;
        if (await isLookedAtAnyway(place)) return;
        const text = `${describePlace(place)} is not remembered: ${error.message}; where no remote names it, a session there is found only with ${placeFlags(place)}`;
        report({ type: 'notice', text });
      }
    },
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
