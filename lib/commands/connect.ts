import { PaudeError } from '../errors.ts';
import { connectSession } from '../session/connect-session.ts';
import type { Location } from '../session/location.ts';
import type { Call, Command, Context } from './command.ts';
import { startPorts } from './start.ts';
import { tellBlocked, tellNetwork } from './network-words.ts';
import { whichSession } from './which-session.ts';

export const connect: Command = async (context, { args, flags }) =>
  connectTo(context, await whichSession(context, args[0]), flags);

export async function connectTo(context: Context, location: Location, flags: Call['flags']): Promise<number> {
  const { stdout } = context.output;
  if (stdout.isTTY !== true || process.stdin.isTTY !== true) {
    throw new PaudeError('NO_TERMINAL', 'connect needs a terminal', {
      hint: `git paude start ${location.name} --detach, or git paude exec ${location.name} -- COMMAND`,
    });
  }
  await tellNetwork(context, location);
  const terminal = { stdin: process.stdin, stdout, term: context.term };
  const report: Context['report'] = (event) => {
    context.report(event);
    // The last word before the terminal is tmux's.
    if (event.type === 'done') context.quiet();
  };
  const ports = await startPorts(context, location, flags);
  const code = await connectSession(ports, location.name, terminal, report, context.signal);
  await tellBlocked(context, ports.backend, location.name);
  return code;
}
