import { isPaudeError, PaudeError } from '../errors.ts';
import { execInSession } from '../session/exec-in-session.ts';
import { amongSessions } from '../session/resolve-session.ts';
import { startSession } from '../session/start-session.ts';
import type { Command } from './command.ts';
import { startPorts } from './start.ts';
import { whichSession } from './which-session.ts';

export const exec: Command = async (context, { args, flags, rest }) => {
  if (rest.length === 0) {
    throw new PaudeError('USAGE', 'exec needs a command after --', {
      hint: 'git paude exec NAME -- COMMAND',
    });
  }
  const location = await whichSession(context, args[0]);
  const { name } = location;
  const backend = await context.backend(location);
  const { stdout, stderr } = context.output;
  const streams = { stdin: process.stdin, stdout, stderr };
  // What was taken of stdin can't be given twice.
  const run = () => execInSession(backend, name, rest, streams, context.signal);
  const work = amongSessions(backend, name, context.signal, async () => {
    try {
      return await run();
    } catch (error) {
      const isAway = isPaudeError(error, 'SESSION_STOPPED');
      if (!(isAway || isPaudeError(error, 'NETWORK_UNPROVED')) || process.stdin.bytesRead > 0) throw error;
      if (isAway) {
        // One that is to run, and whose pod was evicted, comes again by itself; one that was stopped is left stopped.
        const state = (await backend.get(name, context.signal))?.state;
        if (state !== 'starting' && state !== 'running') throw error;
        context.report({ type: 'notice', text: `${error.message}; it is started again` });
      }
    }
    await startSession(await startPorts(context, location, flags), name, context.report, context.signal);
    context.quiet();
    return run();
  });
  // Open, it would keep this process from ending.
  return work.finally(() => process.stdin.destroy());
};
