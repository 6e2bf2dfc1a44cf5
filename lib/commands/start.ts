import { startSession } from '../session/start-session.ts';
import { connectTo } from './connect.ts';
import type { Call, Command, Context } from './command.ts';
import { whichSession } from './which-session.ts';
import type { Location } from '../session/location.ts';
import type { StartPorts } from '../session/start-session.ts';

export const start: Command = async (context, { args, flags }) => {
  const location = await whichSession(context, args[0]);
  const { output } = context;
  const interactive = output.stdout.isTTY === true && process.stdin.isTTY === true;
  if (interactive && flags.get('detach') !== true) return connectTo(context, location, flags);
  const ports = await startPorts(context, location, flags);
  await startSession(ports, location.name, context.report, context.signal);
  context.quiet();
  output.say(`the session ${location.name} runs; next: git paude connect ${location.name}`);
  return 0;
};

export async function startPorts(
  context: Context,
  location: Location,
  flags: Call['flags'],
): Promise<StartPorts> {
  await context.remember(location, context.report);
  return {
    backend: await context.backend(location),
    ensureImage: context.ensureImage(location),
    ensureProxyImage: context.ensureProxyImage(location),
    network: context.network,
    credentials: flags.get('sync') === false ? undefined : context.credentials,
  };
}
