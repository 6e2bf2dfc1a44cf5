import { PaudeError } from '../errors.ts';
import type { SessionName } from '../names.ts';

/** The error for a session in whose run nobody has proved that its network is closed. */
export function unproved(name: SessionName): PaudeError {
  return new PaudeError(
    'NETWORK_UNPROVED',
    `nobody has proved that the network of the session ${name} is closed`,
    { hint: `git paude start ${name} --detach, and then the same again` },
  );
}
