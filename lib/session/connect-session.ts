import { randomUUID } from 'node:crypto';
import type { SessionName } from '../names.ts';
import type { Terminal } from './backend.ts';
import type { Report } from './events.ts';
import { takeLease } from './lease.ts';
import { startSession, type StartPorts } from './start-session.ts';

/**
 * Starts a session if need be and attaches the terminal to its tmux. Ends with tmux's exit code: 0 when the
 * user detached. A terminal that vanishes is detached on the far side, too.
 */
export async function connectSession(
  ports: StartPorts,
  name: SessionName,
  terminal: Terminal,
  report: Report,
  signal: AbortSignal,
): Promise<number> {
  await startSession(ports, name, report, signal);
  report({ type: 'done', text: `attached to ${name}; Ctrl+b d detaches` });
  const id = randomUUID();
  await using lease = await takeLease(ports.backend, name, id);
  const code = await ports.backend.attach(name, ['paude-session', 'attach', id], terminal);
  await lease.giveBack();
  return code;
}
