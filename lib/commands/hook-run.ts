import { appendFile, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isPaudeError } from '../errors.ts';
import { printable } from '../printable.ts';
import { bringCredentials, receiverOf } from '../session/bring-credentials.ts';
import type { Report } from '../session/events.ts';
import { formatLocation, parseLocation, type Location } from '../session/location.ts';
import { timeLimit } from '../waiting.ts';
import type { Command, Context } from './command.ts';
import { here } from './here.ts';

/** How long one session may take; milliseconds. */
const patience = 60_000;
/** How long the log may get; bytes. */
const longestLog = 65_536;

/**
 * What the hook runs in the background: refreshes the running sessions that this repository's own configuration
 * names. What came with a clone is not read. Starts nothing, asks nobody, and writes what it did into a log.
 */
export const hookRun: Command = async (context) => {
  const repository = await here(context);
  const { folder } = await context.findHook();
  const rows: string[] = [];
  for (const { url } of await repository.ownRemotes()) {
    const location = sessionOf(url);
    if (location !== undefined) rows.push(`${formatLocation(location)}: ${await refresh(context, location)}`);
  }
  await log(folder, rows);
  return 0;
};

function sessionOf(url: string): Location | undefined {
  try {
    return /^paude:(\/\/|:)/.test(url) ? parseLocation(url.replace(/^paude::/, '')) : undefined;
  } catch {
    return undefined;
  }
}

/** What came of it, in a few words. */
async function refresh(context: Context, location: Location): Promise<string> {
  const signal = timeLimit(patience, context.signal);
  // What the session keeps of before is named.
  const notices: string[] = [];
  const report: Report = (event) => event.type === 'notice' && notices.push(event.text);
  try {
    const backend = await context.backend(location);
    const ports = { backend, credentials: context.hookCredentials };
    const receiver = await receiverOf(ports, location.name, report, signal);
    if (receiver.credentials === undefined) return `not yours, but ${receiver.session.owner}'s`;
    if (receiver.session.state !== 'running') return `not running (${receiver.session.state})`;
    const { outcome } = (await bringCredentials(ports, receiver, 'login', report, signal))!;
    return [outcome, ...notices].join('; ');
  } catch (error) {
    return isPaudeError(error) ? `${error.code}: ${error.message}` : String(error);
  }
}

async function log(folder: string, rows: readonly string[]): Promise<void> {
  const path = join(folder, 'hook.log');
  await mkdir(folder, { recursive: true });
  const now = new Date().toISOString();
  await appendFile(path, rows.map((row) => `${now} ${printable(row)}\n`).join(''), { mode: 0o600 });
  if ((await stat(path)).size <= longestLog) return;
  const text = await readFile(path, 'utf8');
  await writeFile(`${path}.new`, text.slice(-longestLog / 2).replace(/^[^\n]*\n/, ''), { mode: 0o600 });
  await rename(`${path}.new`, path);
}
