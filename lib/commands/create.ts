import { sessionName, suggestSessionName } from '../names.ts';
import { createSession } from '../session/create-session.ts';
import { formatLocation } from '../session/location.ts';
import type { Command } from './command.ts';
import { describe, leftOut } from './describe.ts';
import { nextPush } from './here.ts';
import { offerHook } from './hooks.ts';
import { networkOf } from './network-words.ts';
import { remoteName } from './which-session.ts';

export const create: Command = async (context, { args }) => {
  const { output, signal, report } = context;
  const given = args[0] === undefined ? undefined : sessionName(args[0]);
  const [settings, repository, backend] = await Promise.all([
    context.settings(),
    context.repository(),
    context.backend(),
  ]);
  let name = given;
  if (name === undefined) {
    const taken = new Set((await backend.list(signal)).map((session) => String(session.location.name)));
    name = suggestSessionName(repository?.folderName ?? 'session', (candidate) => taken.has(candidate));
  }
  const location = backend.locate(name);
  context.means(location);
  for (const text of leftOut(settings, location.backend)) report({ type: 'notice', text });
  const pullSecret = context.pullSecret(location);
  const ports = {
    backend,
    ensureImage: context.ensureImage(location),
    ensureProxyImage: context.ensureProxyImage(location),
    network: context.network,
    ...(pullSecret && { pullSecret }),
  };
  const { session, outcome } = await createSession(
    ports,
    { name, description: describe(settings, location.backend) },
    report,
    signal,
  );
  await context.remember(location, report);
  context.quiet();
  // Said before the remote is added: where its name is taken, the session is there all the same.
  output.say(
    outcome === 'created'
      ? `the session ${name} is created`
      : `the session ${name} is there already, just so`,
  );
  const remote = remoteName(session.location);
  const added = await repository?.addRemote(remote, formatLocation(session.location));
  if (added === 'added') output.say(`the git remote ${remote} is added`);
  if (repository !== undefined) await offerHook(context, repository);
  output.say(networkOf(session).sentence);
  output.say(
    repository === undefined
      ? `next: git paude remote add ${name}, in a repository`
      : `next: ${await nextPush(repository, remote)}`,
  );
  output.print(name);
  return 0;
};
