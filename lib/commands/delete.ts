import { PaudeError } from '../errors.ts';
import { lossesOf, planDelete, unconfirmed } from '../session/delete-session.ts';
import { formatLocation } from '../session/location.ts';
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
  // Asked for meanwhile, and not needed where the plan fails.
  const whoami = backend.whoami(signal);
  whoami.catch(() => undefined);
  const plan = await planDelete(
    {
      backend,
      ensureImage: context.ensureImage(location),
      ensureProxyImage: context.ensureProxyImage(location),
    },
    name,
    here,
    report,
    signal,
  );
  context.quiet();
  for (const loss of lossesOf(plan)) output.say(loss);
  if (flags.get('confirm') !== true) {
    const remotes = plan.remotes.map((remote) => `the git remote ${remote}`);
    output.say(`this would remove: ${[`the session ${name} with its volume`, ...remotes].join(', ')}`);
    throw unconfirmed(name);
  }
  const me = await whoami;
  if (plan.owner !== me && flags.get('not-mine') !== true) {
    const whose = plan.owner ?? 'somebody else';
    throw new PaudeError('NOT_YOURS', `the session ${name} is ${whose}'s, and you are ${me}`, {
      hint: `git paude delete ${name} --confirm --not-mine`,
    });
  }
  report({ type: 'step', text: `removing the session ${name}` });
  await backend.remove(name, signal);
  for (const remote of plan.remotes) await repository?.removeRemote(remote);
  context.quiet();
  output.say(
    `the session ${name} is removed${plan.remotes.map((remote) => `, and the remote ${remote}`).join('')}`,
  );
  return 0;
};
