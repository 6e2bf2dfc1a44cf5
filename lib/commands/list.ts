import type { Session } from '../session/session.ts';
import { formatLocation } from '../session/location.ts';
import { age } from '../ui/age.ts';
import { printTable } from '../ui/table.ts';
import type { Command } from './command.ts';

export const list: Command = async (context, { flags }) => {
  const sessions = [...(await (await context.backend()).list(context.signal))];
  sessions.sort((a, b) => (a.location.name < b.location.name ? -1 : 1));
  if (flags.get('json') === true) {
    context.output.json(sessions.map(asJson));
    return 0;
  }
  const now = new Date();
  const head = ['NAME', 'STATE', 'AGE', 'IMAGE', 'AGENT', 'YOLO', 'NETWORK'];
  const rows = sessions.map(({ location, state, createdAt, image, description }) => [
    location.name,
    state,
    age(createdAt, now),
    image.replace(/^localhost\//, ''),
    description.agent,
    description.yolo ? 'yes' : 'no',
    // Until there is filtering, every session's network is open.
    'open',
  ]);
  if (rows.length === 0) context.output.say('there is no session; next: git paude create');
  else printTable(context.output, head, rows);
  return 0;
};

function asJson(session: Session) {
  const { location, state, reason, image, owner, createdAt, description } = session;
  return {
    name: location.name,
    url: formatLocation(location),
    state,
    reason,
    createdAt,
    image,
    owner,
    network: 'open',
    ...description,
  };
}
