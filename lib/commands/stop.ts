import type { Command } from './command.ts';
import { whichSession } from './which-session.ts';

export const stop: Command = async (context, { args }) => {
  const { name, backend } = await whichSession(context, args[0]);
  context.report({ type: 'step', text: `stopping the session ${name}` });
  await (await context.backend(backend)).stop(name, context.signal);
  context.quiet();
  context.output.say(`the session ${name} is stopped; its files are kept`);
  return 0;
};
