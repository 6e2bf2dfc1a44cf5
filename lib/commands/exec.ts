import { PaudeError } from '../errors.ts';
import { execInSession } from '../session/exec-in-session.ts';
import type { Command } from './command.ts';
import { whichSession } from './which-session.ts';

export const exec: Command = async (context, { args, rest }) => {
  if (rest.length === 0) {
    throw new PaudeError('USAGE', 'exec needs a command after --', {
      hint: 'git paude exec NAME -- COMMAND',
    });
  }
  const { name, backend } = await whichSession(context, args[0]);
  const { stdout, stderr } = context.output;
  return execInSession(
    await context.backend(backend),
    name,
    rest,
    { stdin: process.stdin, stdout, stderr },
    context.signal,
  );
};
