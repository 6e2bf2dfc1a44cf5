import { amongSessions } from '../session/resolve-session.ts';
import { stopSession } from '../session/stop-session.ts';
import type { Command } from './command.ts';
import { whichSession } from './which-session.ts';

export const stop: Command = async (context, { args }) => {
  const location = await whichSession(context, args[0]);
  context.report({ type: 'step', text: `stopping the session ${location.name}` });
  const backend = await context.backend(location);
  const { name } = location;
  await amongSessions(backend, name, context.signal, () => stopSession(backend, name, context.signal));
  context.quiet();
  context.output.say(`the session ${location.name} is stopped; its files are kept`);
  return 0;
};
