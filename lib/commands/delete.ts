import { PaudeError } from '../errors.ts';
import { lossesOf, planDelete, removalsOf, unconfirmed } from '../session/delete-session.ts';
import { describePlace, formatLocation } from '../session/location.ts';
import type { Command } from './command.ts';
import { sessionRemotes, whichSession } from './which-session.ts';

export const remove: Command = async (context, { args, flags }) => {
  const { output, signal, report } = context;
  if (args[0] === undefined) {
    throw new PaudeError('USAGE', 'delete needs the name of the session', {
      hint: 'git paude delete NAME --confirm',
    });
  }
  const location = await whichSession(context, args[0]);
  const { name } = location;
  const [backend, repository] = await Promise.all([context.backend(location), context.repository()]);
  const here = {
    present: async (oids: readonly string[]) => repository?.present(oids) ?? new Set<string>(),
    // Each in the one full form: the same session may stand there as paude::podman/NAME.
    remotes: async () =>
      (await sessionRemotes(context)).map((remote) => ({
        name: remote.name,
        url: formatLocation(remote.location),
      })),
  };
  const options = {
    confirmed: flags.get('confirm') === true,
    notMine: flags.get('not-mine') === true,
  };
  const plan = await planDelete(
    {
      backend,
      ensureImage: context.ensureImage(location),
      ensureProxyImage: context.ensureProxyImage(location),
    },
    name,
    here,
    options,
    report,
    signal,
  );
  context.quiet();
  for (const loss of lossesOf(plan)) output.say(loss);
  if (!options.confirmed) {
    const place = Object.keys(context.named).length > 0 ? ` in ${describePlace(location)}` : '';
    output.say(`this would remove: ${removalsOf(name, plan, place).join(', ')}`);
    throw unconfirmed(name, options);
  }
  report({ type: 'step', text: `removing the session ${name}` });
  await backend.remove(name, signal);
  for (const remote of plan.remotes) await repository?.removeRemote(remote);
  context.quiet();
  await context.forgetShell(location).catch((error: unknown) => {
    // The session is gone, and so is what that was for.
    if (!(error instanceof Error && 'code' in error)) throw error;
    output.say(`what is remembered of your shell for it is left: ${error.message}`);
  });
  const remotes = plan.remotes.map((remote) => `the remote ${remote}`);
  // An earlier delete may have ended before it came to the remotes.
  if (plan.left?.length === 0)
    output.say(`the session ${name} was gone already; removed: ${remotes.join(', ')}`);
  else output.say([`the session ${name} is removed`, ...remotes].join(', and '));
  return 0;
};
