import { PaudeError } from '../errors.ts';
import { frame } from '../framing.ts';
import type { SessionName } from '../names.ts';
import type { Backend } from './backend.ts';

/** Variables of the user's shell that the agent needs, by name. */
export type AgentEnvironment = ReadonlyMap<string, string>;

/**
 * Puts the agent's environment into the session's memory: never an argument, never the container's
 * configuration, never a disk. What was there before is replaced at once, or stays whole.
 */
export async function sendAgentEnvironment(
  backend: Backend,
  name: SessionName,
  environment: AgentEnvironment,
  signal: AbortSignal,
): Promise<void> {
  const body = Buffer.from([...environment].map(([key, value]) => `${key}=${value}\0`).join(''));
  await using tunnel = await backend.open(name, ['paude-session', 'agent-env'], signal);
  let said = '';
  tunnel.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  tunnel.stdout.resume();
  // A far side that ends early breaks the pipe; its exit code says why.
  tunnel.stdin.on('error', () => undefined);
  tunnel.stdin.end(frame(body));
  const code = await tunnel.exit;
  if (code === 0) return;
  throw new PaudeError(
    'SESSION_FAILED',
    `the agent's environment did not reach the session ${name}: ${said.trim()}`,
    {
      hint: `git paude stop ${name} && git paude start ${name}`,
    },
  );
}
