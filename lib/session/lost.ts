import { PaudeError } from '../errors.ts';
import type { SessionName } from '../names.ts';

/** The error for a connection to a session that has not brought all that it was to bring. */
export function lost(name: SessionName, why: string, cause?: unknown): PaudeError {
  return new PaudeError('CONNECTION_LOST', `the connection to the session ${name} was lost: ${why}`, {
    hint: 'give the same command again',
    cause,
  });
}
