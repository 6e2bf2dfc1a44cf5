import { once } from 'node:events';
import { PaudeError } from '../errors.ts';
import type { Command } from './command.ts';

/**
 * What git-lfs runs in place of a transfer: its first message is answered with an error, which it shows (git-lfs
 * docs, custom-transfers.md: one JSON message a line).
 */
export const lfsAgent: Command = async ({ output }) => {
  const refusal = new PaudeError('LFS_UNSUPPORTED', 'objects of git-lfs do not travel to a session', {
    hint: 'push the commits without them: git push --no-verify',
  });
  await once(process.stdin, 'data');
  output.print(JSON.stringify({ error: { code: 32, message: `${refusal.message}; ${refusal.hint}` } }));
  process.stdin.destroy();
  return 0;
};
