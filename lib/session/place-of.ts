import { sessionName } from '../names.ts';
import type { Backend } from './backend.ts';
import type { Place } from './location.ts';

/** Where a backend has its sessions. */
export function placeOf(backend: Backend): Place {
  // Every session of a backend is in its one place; any name will do.
  return backend.locate(sessionName('any'));
}
