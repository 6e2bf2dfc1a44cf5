import { basename } from 'node:path';
import { PaudeError, isPaudeError } from '../errors.ts';
import { gitIn, type RunGit } from './run-git.ts';

export interface Remote {
  readonly name: string;
  readonly url: string;
}

/** git's configuration as it applies here: each key (section and name in lower case) with its last value. */
export type GitConfig = ReadonlyMap<string, string>;

/** The user's repository, or one of its linked worktrees. */
export interface Repository {
  /** The top of the work tree; undefined in a bare repository. */
  readonly topLevel: string | undefined;
  /** The name that a session of this repository would have: the folder's. */
  readonly folderName: string;
  config(): Promise<GitConfig>;
  setConfig(key: string, value: string): Promise<void>;
  remotes(): Promise<readonly Remote[]>;
  /**
   * Adds the remote of a session: fetched only when it is named (`skipFetchAll`, so that `git fetch --all` and
   * maintenance wake nothing), and with an address for git-lfs that contacts nobody. Throws REMOTE_EXISTS.
   */
  addRemote(name: string, url: string): Promise<'added' | 'same'>;
  removeRemote(name: string): Promise<void>;
  /** The branch that HEAD names, also before its first commit; undefined when HEAD is detached. */
  currentBranch(): Promise<string | undefined>;
  objectFormat(): Promise<string>;
  /** Of these object ids, the ones that are in this repository. */
  present(oids: readonly string[]): Promise<ReadonlySet<string>>;
}

/**
 * git-lfs has no transport to a session, and takes a `paude:` URL for an ssh host. This address contacts nobody, and
 * has git-lfs (seen with 3.3.0) ask a transfer agent of ours, which says that it can't be done, and what can.
 */
const lfs = {
  url: 'file:///paude',
  agent: [
    ['lfs.file:///paude.standalonetransferagent', 'paude'],
    ['lfs.customtransfer.paude.path', 'git-paude'],
    ['lfs.customtransfer.paude.args', 'lfs-agent'],
  ],
} as const;

const oldestGit = [2, 39] as const;

/** Opens the repository that this folder is in; undefined outside one. Throws GIT_TOO_OLD, GIT_FAILED. */
export async function openRepository(
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<Repository | undefined> {
  const git = gitIn(folder, env);
  await checkVersion(git);
  let bare: boolean;
  try {
    bare = (await git(['rev-parse', '--is-bare-repository'])).trim() === 'true';
  } catch (error) {
    if (isPaudeError(error) && /not a git repository/.test(error.message)) return undefined;
    throw error;
  }
  const inside = !bare && (await git(['rev-parse', '--is-inside-work-tree'])).trim() === 'true';
  const top = inside ? line(await git(['rev-parse', '--show-toplevel'])) : undefined;
  const folderName = basename(top ?? line(await git(['rev-parse', '--absolute-git-dir']))).replace(
    /\.git$/,
    '',
  );
  return repository(git, top, folderName);
}

/** Throws GIT_TOO_OLD where git is older than what the helper's protocol needs. */
async function checkVersion(git: RunGit): Promise<void> {
  const said = line(await git(['version']));
  const [, major, minor] = /(\d+)\.(\d+)/.exec(said) ?? [];
  if (Number(major) > oldestGit[0]) return;
  if (Number(major) === oldestGit[0] && Number(minor) >= oldestGit[1]) return;
  throw new PaudeError(
    'GIT_TOO_OLD',
    `git-paude needs git ${oldestGit.join('.')} or newer, and this is ${said}`,
    {
      hint: 'install a newer git: https://git-scm.com/downloads',
    },
  );
}

function repository(git: RunGit, topLevel: string | undefined, folderName: string): Repository {
  let read: Promise<GitConfig> | undefined;
  const config = () => (read ??= git(['config', '--list', '-z']).then(parseConfig));

  async function remotes(): Promise<readonly Remote[]> {
    const found: Remote[] = [];
    for (const [key, value] of await config()) {
      const name = /^remote\.(.+)\.url$/s.exec(key)?.[1];
      if (name !== undefined) found.push({ name, url: value });
    }
    return found;
  }

  async function changed<T>(work: Promise<T>): Promise<T> {
    read = undefined;
    return work;
  }

  return {
    topLevel,
    folderName,
    config,
    remotes,
    setConfig: async (key, value) => {
      await changed(git(['config', '--local', key, value]));
    },
    addRemote: async (name, url) => {
      const present = (await remotes()).find((remote) => remote.name === name);
      if (present?.url === url) return 'same';
      if (present !== undefined) {
        throw new PaudeError('REMOTE_EXISTS', `the remote ${name} is there already, for ${present.url}`, {
          hint: `git remote rename ${name} ${name}-old`,
        });
      }
      await changed(git(['remote', 'add', name, url]));
      await git(['config', '--local', `remote.${name}.skipFetchAll`, 'true']);
      await git(['config', '--local', `remote.${name}.lfsurl`, lfs.url]);
      for (const [key, value] of lfs.agent) await git(['config', '--local', key, value]);
      return 'added';
    },
    removeRemote: async (name) => {
      await changed(git(['remote', 'remove', name]));
    },
    currentBranch: async () => {
      try {
        return line(await git(['symbolic-ref', '--quiet', '--short', 'HEAD'])) || undefined;
      } catch (error) {
        // symbolic-ref --quiet fails without a word when HEAD is detached.
        if (isPaudeError(error, 'GIT_FAILED') && error.message.endsWith('it said nothing')) return undefined;
        throw error;
      }
    },
    objectFormat: async () => line(await git(['rev-parse', '--show-object-format'])),
    present: async (oids) => {
      if (oids.length === 0) return new Set();
      const said = await git(['cat-file', '--batch-check=%(objectname)'], `${oids.join('\n')}\n`);
      return new Set(said.split('\n').filter((row) => row !== '' && !row.endsWith(' missing')));
    },
  };
}

function line(text: string): string {
  return text.replace(/\n$/, '');
}

/** Reads `git config --list -z`: entries end with NUL, and the key ends with the first newline. */
function parseConfig(text: string): GitConfig {
  const values = new Map<string, string>();
  for (const entry of text.split('\0')) {
    if (entry === '') continue;
    const end = entry.indexOf('\n');
    // A key without a value is a boolean that is true (git-config(1)).
    values.set(end < 0 ? entry : entry.slice(0, end), end < 0 ? 'true' : entry.slice(end + 1));
  }
  return values;
}
