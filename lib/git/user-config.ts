import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { gitIn } from './run-git.ts';

/** One entry of git's configuration, and the file that it stands in. */
export interface UserEntry {
  readonly key: string;
  readonly value: string | undefined;
  readonly origin: string;
}

/** The user's own configuration of git, with what it includes for a folder, in git's order. Throws GIT_FAILED. */
export async function userConfig(
  home: string,
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<readonly UserEntry[]> {
  const git = gitIn(folder, env);
  const xdg = join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'git/config');
  const own = env['GIT_CONFIG_GLOBAL'];
  const files = own === undefined ? [xdg, join(home, '.gitconfig')] : [own];
  const entries: UserEntry[] = [];
  for (const file of files.filter((path) => existsSync(path)))
    entries.push(
      ...parse(await git(['config', '--file', file, '--includes', '--show-origin', '--list', '-z'])),
    );
  return entries;
}

/** `ORIGIN NUL KEY NEWLINE VALUE NUL`; the newline is missing where the value is. */
function parse(text: string): readonly UserEntry[] {
  const fields = text.split('\0');
  const entries: UserEntry[] = [];
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const [origin, entry] = [fields[index]!.replace(/^file:/, ''), fields[index + 1]!];
    const end = entry.indexOf('\n');
    entries.push({
      origin,
      key: end < 0 ? entry : entry.slice(0, end),
      value: end < 0 ? undefined : entry.slice(end + 1),
    });
  }
  return entries;
}
