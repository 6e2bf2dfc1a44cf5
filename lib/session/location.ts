import { PaudeError } from '../errors.ts';
import { isNamespace, sessionName, type SessionName } from '../names.ts';
import { flagWord } from '../printable.ts';

/** Where a session is: everything that is needed to reach it from another machine with the same accounts. */
export type Location =
  | { readonly backend: 'podman'; readonly name: SessionName }
  | {
      readonly backend: 'kubernetes';
      readonly context: string;
      readonly namespace: string;
      readonly name: SessionName;
    };

export type BackendName = Location['backend'];

/** Where sessions are: what a location is without the session. */
export type Place =
  | { readonly backend: 'podman' }
  | { readonly backend: 'kubernetes'; readonly context: string; readonly namespace: string };

/** As much of a place as the user has named. */
export interface NamedPlace {
  readonly backend?: BackendName;
  readonly context?: string;
  readonly namespace?: string;
}

/** Whether a place is the one that was named, as far as it was. */
export function isNamed(place: Place, named: NamedPlace): boolean {
  return Object.entries(named).every(([key, value]) => (place as Record<string, unknown>)[key] === value);
}

/** A place in a few words, for a table or a message; the same for the same place. */
export function describePlace(place: Place): string {
  return place.backend === 'podman' ? 'podman' : `${place.context}/${place.namespace}`;
}

/** The flags that mean this place, as a shell takes them; of what was named, as much as was. */
export function placeFlags({ backend, context, namespace }: NamedPlace): string {
  const flags = { backend, 'kubernetes-context': context, namespace };
  return Object.entries(flags)
    .flatMap(([flag, value]) => (value === undefined ? [] : flagWord([flag, value])))
    .join(' ');
}

const forms = 'paude://podman/NAME or paude://kubernetes/CONTEXT/NAMESPACE/NAME';

/** The URL of a session's remote: `paude://podman/NAME`, with every part percent-encoded. */
export function formatLocation(location: Location): string {
  const parts =
    location.backend === 'podman'
      ? [location.backend, location.name]
      : [location.backend, location.context, location.namespace, location.name];
  return `paude://${parts.map(encodeURIComponent).join('/')}`;
}

/**
 * Reads the URL of a session's remote: `paude://podman/NAME`, or, as git hands over `paude::podman/NAME`, just
 * `podman/NAME`. `openshift` is another name of `kubernetes`. Throws URL_INVALID.
 */
export function parseLocation(url: string): Location {
  const path = url.startsWith('paude://') ? url.slice('paude://'.length) : url;
  const [backend, ...rest] = path.split('/').map((part) => decode(part, url));
  if (backend === 'podman' && rest.length === 1) return { backend, name: sessionName(rest[0]!) };
  if ((backend === 'kubernetes' || backend === 'openshift') && rest.length === 3) {
    const [context, namespace, name] = rest as [string, string, string];
    if (context !== '' && isNamespace(namespace)) {
      return { backend: 'kubernetes', context, namespace, name: sessionName(name) };
    }
  }
  throw new PaudeError('URL_INVALID', `${JSON.stringify(url)} is not the URL of a session`, {
    hint: `the full form is ${forms}`,
  });
}

function decode(part: string, url: string): string {
  try {
    const text = decodeURIComponent(part);
    if (!/[\u0000-\u001f\u007f]/.test(text)) return text;
  } catch (cause) {
    throw new PaudeError('URL_INVALID', `${JSON.stringify(url)} is not percent-encoded`, { cause });
  }
  throw new PaudeError('URL_INVALID', `${JSON.stringify(url)} has control characters in it`);
}
