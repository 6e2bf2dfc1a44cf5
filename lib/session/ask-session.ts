import { PaudeError } from '../errors.ts';
import { frame } from '../framing.ts';
import type { SessionName } from '../names.ts';
import type { Backend, Role } from './backend.ts';
import { lost } from './lost.ts';

export interface Question {
  readonly role: Role;
  readonly command: readonly string[];
  /** Goes to its standard input; framed, with its length and digest, where `framed`. */
  readonly input?: string;
  readonly framed?: boolean;
  /** It says `over` in the end, which is left out here. */
  readonly saysOver?: boolean;
}

/**
 * Runs one of our own commands in a session, to its end, and gives what it said. Throws SESSION_FAILED, and
 * CONNECTION_LOST where the last word of its answer is missing.
 */
export async function askSession(
  backend: Backend,
  name: SessionName,
  { role, command, input = '', framed = false, saysOver = false }: Question,
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
  if (code === 0) return saysOver ? withoutLastWord(said, name, 'its answer') : said;
  const why = complaint.trim().replace(/^paude: /, '') || `exit code ${code}`;
  throw new PaudeError('SESSION_FAILED', `${command.slice(0, 2).join(' ')} failed in ${name}: ${why}`, {
    hint: `git paude stop ${name} && git paude start ${name} --detach`,
  });
}

/**
 * An answer without `over`, its last line: what comes right before a command's end may be lost on the way, with exit code
 * 0 (kubernetes/kubernetes#60140). Throws CONNECTION_LOST where it is missing.
 */
export function withoutLastWord(said: string, name: SessionName, what: string): string {
  const last = 'over\n';
  if (said === last || said.endsWith(`\n${last}`)) return said.slice(0, -last.length);
  throw lost(name, `not all of ${what} has come`);
}
