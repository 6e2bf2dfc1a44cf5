import type { Session } from '../session/session.ts';
import { describePlace, formatLocation } from '../session/location.ts';
import { age } from '../ui/age.ts';
import { printTable } from '../ui/table.ts';
import type { BlockedHost } from '../egress/ledger.ts';
import { blockedHosts } from '../session/change-network.ts';
import { timeLimit } from '../waiting.ts';
import type { Command, Context } from './command.ts';
import { networkOf } from './network-words.ts';
import { allSessions } from './which-session.ts';

export const list: Command = async (context, { flags }) => {
  const { found, whole } = await allSessions(context);
  const sessions = [...found];
  const code = whole ? 0 : 1;
  sessions.sort((a, b) => (a.location.name < b.location.name ? -1 : 1));
  if (flags.get('json') === true) {
    context.output.json(await Promise.all(sessions.map((session) => asJson(context, session))));
    return code;
  }
  const now = new Date();
  const head = ['NAME', 'STATE', 'AGE', 'IMAGE', 'AGENT', 'YOLO', 'NETWORK', 'WHERE', 'OWNER'];
  const rows = sessions.map((session) => [
    session.location.name,
    session.state,
    age(session.createdAt, now),
    session.image.replace(/^localhost\//, ''),
    session.description.agent,
    session.description.yolo ? 'yes' : 'no',
    networkOf(session).word,
    describePlace(session.location),
    session.owner,
  ]);
  if (rows.length === 0) context.output.say('there is no session; next: git paude create');
  else printTable(context.output, head, rows);
  for (const { location, state, reason } of sessions)
    if (reason !== undefined) context.output.say(`the session ${location.name} is ${state}: ${reason}`);
  return code;
};

async function asJson(context: Context, session: Session) {
  const { location, state, reason, image, owner, createdAt, description } = session;
  return {
    name: location.name,
    url: formatLocation(location),
    state,
    reason,
    createdAt,
    image,
    owner,
    network: networkOf(session).word,
    blocked: await blockedOf(context, session),
    ...description,
  };
}

/** Only sessions that are filtered tell, all at once; one that runs and does not answer has none to tell. */
async function blockedOf(context: Context, session: Session): Promise<readonly BlockedHost[] | undefined> {
  if (session.egress === undefined) return undefined;
  const backend = await context.backend(session.location);
  const enough = timeLimit(10_000, context.signal);
  return blockedHosts(backend, session, enough).catch((error: unknown) => {
    if (context.signal.aborted) throw error;
    return undefined;
  });
}
