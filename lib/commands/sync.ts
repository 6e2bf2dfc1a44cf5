import { isPaudeError, PaudeError } from '../errors.ts';
import { oldStays } from '../credentials/pack.ts';
import { printable } from '../printable.ts';
import { bringCredentials, receiverOf } from '../session/bring-credentials.ts';
import type { Location } from '../session/location.ts';
import { startClosed } from '../session/start-session.ts';
import type { Scope, SyncOutcome } from '../session/sync-credentials.ts';
import { printTable } from '../ui/table.ts';
import type { Call, Command, Context } from './command.ts';
import { startPorts } from './start.ts';
import { whichSession } from './which-session.ts';

export const sync: Command = async (context, { args, flags }) => {
  if (flags.get('dry-run') === true) return showPlan(context);
  const scope = flags.get('full') === true ? 'everything' : 'login';
  const names = args.length === 0 ? [undefined] : args;
  let code = 0;
  for (const name of names) {
    try {
      await syncOne(context, await whichSession(context, name), flags, scope);
    } catch (error) {
      // With one session, its failure is the command's; of several, the others go on.
      if (names.length === 1 || !isPaudeError(error) || context.signal.aborted) throw error;
      context.output.fail(error);
      code = 1;
    }
  }
  return code;
};

const sentences: Readonly<Record<SyncOutcome, string>> = {
  same: 'has your credentials already; nothing was sent',
  sent: 'has your credentials now',
  incomplete: 'has your credentials now, but for what could not be read',
};

/** The same where there is no login among them; how there is none follows. */
const loginless: Readonly<Record<SyncOutcome, string>> = {
  same: 'has all of yours already',
  sent: 'has all of yours now',
  incomplete: 'has all of yours now, but for what could not be read',
};

async function syncOne(
  context: Context,
  location: Location,
  flags: Call['flags'],
  scope: Scope,
): Promise<void> {
  const { report, signal, output } = context;
  const ports = { backend: await context.backend(location), credentials: context.credentials };
  const receiver = await receiverOf(ports, location.name, report, signal);
  if (receiver.credentials === undefined) {
    throw new PaudeError(
      'NOT_YOURS',
      `nothing was sent to ${location.name}, which is ${receiver.session.owner}'s`,
      {
        hint: 'git paude list shows whose each session is',
      },
    );
  }
  const bring = () => bringCredentials(ports, receiver, scope, report, signal);
  const synced = await bring().catch(async (error: unknown) => {
    // Its pod was made again, and nobody has connected since.
    if (!isPaudeError(error, 'NETWORK_UNPROVED')) throw error;
    await startClosed(await startPorts(context, location, flags), location.name, report, signal);
    return bring();
  });
  context.quiet();
  const missing = await receiver.missing();
  const what =
    missing === undefined
      ? sentences[synced!.outcome]
      : `${loginless[synced!.outcome]}, and ${missing.message}`;
  output.say(`the session ${location.name} ${what}`);
}

/** Each file of the user's home with why it goes or stays. Contacts nothing. */
async function showPlan(context: Context): Promise<number> {
  const { values } = await context.settings();
  const { going, staying } = await context.plan(String(values.agent));
  const rows = [
    ...going.map(({ from, size, why, part, source }) =>
      source.type === 'unreadable'
        ? ['stays', part, String(size), printable(from), `${source.why}; ${oldStays}`]
        : ['goes', part, String(size), printable(from), why],
    ),
    ...staying.map(({ from, size, why }) => ['stays', '', String(size), printable(from), why]),
  ];
  printTable(context.output, ['', 'PART', 'BYTES', 'FILE', 'WHY'], rows);
  return 0;
}
