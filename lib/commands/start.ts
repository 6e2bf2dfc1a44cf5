import { startSession } from '../session/start-session.ts';
import { connectTo } from './connect.ts';
import type { Command, Context } from './command.ts';
import { whichSession } from './which-session.ts';
import type { Location } from '../session/location.ts';
import type { StartPorts } from '../session/start-session.ts';

export const start: Command = async (context, { args, flags }) => {
  const location = await whichSession(context, args[0]);
  const { output } = context;
  const interactive = output.stdout.isTTY === true && process.stdin.isTTY === true;
  if (interactive && flags.get('detach') !== true) return connectTo(context, location);
  await startSession(await startPorts(context, location), location.name, context.report, context.signal);
  context.quiet();
  output.say(`the session ${location.name} runs; next: git paude connect ${location.name}`);
  return 0;
};

export async function startPorts(context: Context, location: Location): Promise<StartPorts> {
  const { ensureImage, agentEnvironment } = context;
  return { backend: await context.backend(location.backend), ensureImage, agentEnvironment };
}
