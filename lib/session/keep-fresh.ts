import { setTimeout as wait } from 'node:timers/promises';
import type { SessionName } from '../names.ts';
import { syncCredentials, type SyncPorts } from './sync-credentials.ts';

/** How often it is looked whether the user's login has changed; milliseconds. */
export interface Pace {
  readonly usually: number;
  /** While a login that was sent is about to end, or has just ended. */
  readonly nearItsEnd: number;
  /** How long before and after its end that is. */
  readonly near: number;
}

export const usualPace: Pace = { usually: 60_000, nearItsEnd: 5_000, near: 300_000 };

/**
 * While somebody is connected, sends what lives shortly whenever it has changed at home: an access token that was
 * renewed there arrives before the old one ends. Says nothing, for the terminal is the session's; what fails is
 * tried again.
 */
export async function keepFresh(
  ports: SyncPorts,
  name: SessionName,
  sent: string,
  pace: Pace,
  signal: AbortSignal,
): Promise<void> {
  let last = sent;
  for (;;) {
    try {
      const ends = await ports.credentials.loginEnds().catch(() => undefined);
      await wait(untilNextLook(ends, new Date(), pace), undefined, { signal, ref: false });
      const { digest } = await ports.credentials.parcel('tokens');
      if (digest === last) continue;
      await syncCredentials(ports, name, 'login', () => undefined, signal);
      last = digest;
    } catch {
      if (signal.aborted) return;
    }
  }
}

/** Milliseconds until the login is looked at next, when it ends at this time. */
export function untilNextLook(
  ends: Date | undefined,
  now: Date,
  { usually, nearItsEnd, near }: Pace,
): number {
  if (ends === undefined) return usually;
  const left = ends.getTime() - now.getTime();
  if (Math.abs(left) <= near) return nearItsEnd;
  return left > near ? Math.min(usually, left - near) : usually;
}
