import { PaudeError } from '../errors.ts';
import { connectSession } from '../session/connect-session.ts';
import type { Location } from '../session/location.ts';
import type { Command, Context } from './command.ts';
import { startPorts } from './start.ts';
import { networkIsOpen, whichSession } from './which-session.ts';

export const connect: Command = async (context, { args }) =>
  connectTo(context, await whichSession(context, args[0]));

export async function connectTo(context: Context, location: Location): Promise<number> {
  const { stdout } = context.output;
  if (stdout.isTTY !== true || process.stdin.isTTY !== true) {
    throw new PaudeError('NO_TERMINAL', 'connect needs a terminal', {
      hint: `git paude start ${location.name} --detach, or git paude exec ${location.name} -- COMMAND`,
    });
  }
  context.report({ type: 'notice', text: networkIsOpen });
  const terminal = { stdin: process.stdin, stdout, term: context.term };
  const report: Context['report'] = (event) => {
    context.report(event);
    // The last word before the terminal is tmux's.
    if (event.type === 'done') context.quiet();
  };
  return connectSession(await startPorts(context, location), location.name, terminal, report, context.signal);
}
