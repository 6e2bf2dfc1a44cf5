import { sessionName, suggestSessionName } from '../names.ts';
import { createSession } from '../session/create-session.ts';
import { formatLocation } from '../session/location.ts';
import type { Command } from './command.ts';
import { describe } from './describe.ts';
import { networkIsOpen, remoteName } from './which-session.ts';

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
  const ports = { backend, ensureImage: context.ensureImage };
  const { session, outcome } = await createSession(
    ports,
    { name, description: describe(settings) },
    report,
    signal,
  );
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
  output.say(networkIsOpen);
  output.say(
    repository === undefined
      ? `next: git paude remote add ${name}, in a repository`
      : `next: git push ${remote} HEAD`,
  );
  output.print(name);
  return 0;
};
