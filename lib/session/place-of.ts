import { sessionName } from '../names.ts';
import type { Backend } from './backend.ts';
import { describePlace } from './location.ts';

/** Where a backend has its sessions, in the words that are the same for the same place. */
export function placeOf(backend: Backend): string {
  // Every session of a backend is in its one place; any name will do.
  return describePlace(backend.locate(sessionName('any')));
}
