import { addedUp, formatLedger, parseLedger } from '../egress/ledger.ts';
import type { SessionName } from '../names.ts';
import { timeLimit } from '../waiting.ts';
import type { Backend } from './backend.ts';
import { refusedSince } from './change-network.ts';

/** What a proxy may take to say what it refused, when it is about to end; milliseconds. */
const patience = 5000;

/**
 * Stops a session, and keeps with it what it was refused while it ran: its proxy's memory ends with it. Throws
 * SESSION_UNKNOWN.
 */
export async function stopSession(backend: Backend, name: SessionName, signal: AbortSignal): Promise<void> {
  const session = await backend.get(name, signal);
  const runs = session?.state === 'running' && session.egress !== undefined;
  const enough = timeLimit(patience, signal);
  const refused = runs ? await refusedSince(backend, name, enough).catch(() => []) : [];
  await backend.stop(name, signal);
  if (refused.length === 0) return;
  await backend.changeRules(
    name,
    (rules) => ({ ...rules, blocked: formatLedger(addedUp(parseLedger(rules.blocked ?? ''), refused)) }),
    signal,
  );
}
