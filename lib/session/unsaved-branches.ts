import { PaudeError } from '../errors.ts';
import { objectId, type SessionName } from '../names.ts';
import { withoutLastWord } from './ask-session.ts';
import type { Backend } from './backend.ts';
import { unproved } from './unproved.ts';

export interface SessionBranch {
  /** Without refs/heads/; what was kept of a forced push is named whole, refs/paude/autosave/… */
  readonly branch: string;
  readonly oid: string;
}

export interface SessionWork {
  readonly branches: readonly SessionBranch[];
  /** How many paths have changes that are not committed. */
  readonly uncommitted: number;
}

/**
 * What a running session's repository holds. `proved`: only where the network was proved to be closed, for git runs
 * what its configuration names. Throws like `open`, SESSION_FAILED, NETWORK_UNPROVED, and CONNECTION_LOST where not all
 * of it has come.
 */
export async function sessionWork(
  backend: Backend,
  name: SessionName,
  proved: boolean,
  signal: AbortSignal,
): Promise<SessionWork> {
  const command = ['paude-session', 'branches', ...(proved ? ['proved'] : [])];
  await using tunnel = await backend.open(name, command, signal);
  let said = '';
  let complaint = '';
  tunnel.stdin.end();
  tunnel.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  tunnel.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const code = await tunnel.exit;
  if (code !== 0) {
    throw new PaudeError('SESSION_FAILED', `the repository of ${name} can't be read: ${complaint.trim()}`);
  }
  const answer = withoutLastWord(said, name, 'its branches');
  if (answer === 'unproved\n') throw unproved(name);
  return parseWork(answer);
}

function parseWork(answer: string): SessionWork {
  const branches: SessionBranch[] = [];
  let uncommitted = 0;
  for (const row of answer.split('\n').filter((text) => text !== '')) {
    const [first = '', second = ''] = row.split(' ', 2);
    if (first === 'dirty') uncommitted = Number(second);
    else
      branches.push({
        oid: objectId(first),
        branch: row.slice(first.length + 1).replace(/^refs\/heads\//, ''),
      });
  }
  return { branches, uncommitted };
}
