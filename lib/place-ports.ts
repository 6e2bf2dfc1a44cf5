import type { NamedPlace, Place } from './session/location.ts';

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
    remember: async (place: Place): Promise<void> => {
      const { rememberPlace } = await import('./config/places.ts');
      const remembered = rememberPlace(userFolder, place);
      // Podman is used where nothing of the user's own can be written, too.
      await (place.backend === 'podman' ? remembered.catch(() => undefined) : remembered);
    },
  };
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
