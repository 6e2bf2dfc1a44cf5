import { gitIn } from './run-git.ts';

/** One entry of git's configuration, and the file that it stands in. */
export interface UserEntry {
  readonly key: string;
  readonly value: string | undefined;
  readonly origin: string;
}

/** The user's own configuration of git, with what it includes for a folder, in git's order. Throws GIT_FAILED. */
export async function userConfig(folder: string, env: NodeJS.ProcessEnv): Promise<readonly UserEntry[]> {
  // Not file by file: what a condition of an include asks of the remotes is in the repository's own.
  return parse(await gitIn(folder, env)(['config', '--show-scope', '--show-origin', '--list', '-z']));
}

/** `SCOPE NUL ORIGIN NUL KEY NEWLINE VALUE NUL`; the newline is missing where the value is. */
function parse(text: string): readonly UserEntry[] {
  const fields = text.split('\0');
  const entries: UserEntry[] = [];
  for (let index = 0; index + 2 < fields.length; index += 3) {
    if (fields[index] !== 'global') continue;
    const [origin, entry] = [fields[index + 1]!.replace(/^file:/, ''), fields[index + 2]!];
    const end = entry.indexOf('\n');
    entries.push({
      origin,
      key: end < 0 ? entry : entry.slice(0, end),
      value: end < 0 ? undefined : entry.slice(end + 1),
    });
  }
  return entries;
}
