import { PaudeError } from '../errors.ts';
import { objectId, type SessionName } from '../names.ts';
import type { Backend } from './backend.ts';

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

/** What a running session's repository holds. Throws like `open`, and SESSION_FAILED. */
export async function sessionWork(
  backend: Backend,
  name: SessionName,
  signal: AbortSignal,
): Promise<SessionWork> {
  await using tunnel = await backend.open(name, ['paude-session', 'branches'], signal);
  let said = '';
  let complaint = '';
  tunnel.stdin.end();
  tunnel.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  tunnel.stderr.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const code = await tunnel.exit;
  if (code !== 0) {
    throw new PaudeError('SESSION_FAILED', `the repository of ${name} can't be read: ${complaint.trim()}`);
  }
  return parseWork(said);
}

function parseWork(said: string): SessionWork {
  const branches: SessionBranch[] = [];
  let uncommitted = 0;
  for (const row of said.split('\n').filter((text) => text !== '')) {
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
