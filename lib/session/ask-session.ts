import { PaudeError } from '../errors.ts';
import { frame } from '../framing.ts';
import type { SessionName } from '../names.ts';
import type { Backend, Role } from './backend.ts';

export interface Question {
  readonly role: Role;
  readonly command: readonly string[];
  /** Goes to its standard input; framed, with its length and digest, where `framed`. */
  readonly input?: string;
  readonly framed?: boolean;
}

/** Runs one of our own commands in a session, to its end, and gives what it said. Throws SESSION_FAILED. */
export async function askSession(
  backend: Backend,
  name: SessionName,
  { role, command, input = '', framed = false }: Question,
  signal: AbortSignal,
): Promise<string> {
  await using tunnel = await backend.open(name, command, signal, role);
  let [said, complaint] = ['', ''];
  tunnel.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  tunnel.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  // A far side that ends early breaks the pipe; its exit code says why.
  tunnel.stdin.on('error', () => undefined);
  tunnel.stdin.end(framed ? frame(Buffer.from(input)) : input);
  const code = await tunnel.exit;
  if (code === 0) return said;
  const why = complaint.trim().replace(/^paude: /, '') || `exit code ${code}`;
  throw new PaudeError('SESSION_FAILED', `${command.slice(0, 2).join(' ')} failed in ${name}: ${why}`, {
    hint: `git paude stop ${name} && git paude start ${name} --detach`,
  });
}
