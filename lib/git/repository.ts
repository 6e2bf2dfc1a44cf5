import { existsSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { PaudeError, isPaudeError } from '../errors.ts';
import { shellWord } from '../printable.ts';
import { askGitIn, gitIn, type RunGit } from './run-git.ts';
import { writeConfig } from './write-config.ts';

export interface Remote {
  readonly name: string;
  readonly url: string;
}

/**
 * git's configuration as it applies here: each key (section and name in lower case) with its last value; one of our own
 * with all of them, one a line, for some are lists.
 */
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
  /** Only those of the repository's own configuration. */
  ownRemotes(): Promise<readonly Remote[]>;
  /**
   * Adds the remote of a session: fetched only when it is named (`skipFetchAll`, so that `git fetch --all` and
   * maintenance wake nothing), and with an address for git-lfs that contacts nobody. Throws REMOTE_EXISTS.
   */
  addRemote(name: string, url: string): Promise<'added' | 'same'>;
  removeRemote(name: string): Promise<void>;
  /** The branch that HEAD names, also before its first commit; undefined when HEAD is detached. */
  currentBranch(): Promise<string | undefined>;
  readonly objectFormat: string;
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
  const ask = askGitIn(folder, env);
  const found = trustedFacts(ask, env);
  // Looked at below: what an old git makes of the question is of no interest.
  found.catch(() => undefined);
  await checkVersion(ask);
  try {
    const { topLevel, folder: named, objectFormat } = await found;
    const folderName = basename(named).replace(/\.git$/, '');
    return repository({ git: gitIn(folder, env), ask }, topLevel, folderName, objectFormat);
  } catch (error) {
    if (isPaudeError(error) && /not a git repository/.test(error.message)) return undefined;
    throw error;
  }
}

interface Facts {
  readonly topLevel: string | undefined;
  /** The top of the work tree, else git's own. */
  readonly folder: string;
  readonly objectFormat: string;
}

/**
 * The facts of a repository whose configuration is the user's own. A clone may bring a folder that looks like a bare
 * repository, and git takes one for that from inside (git-config(1), safe.bareRepository). Throws GIT_FAILED.
 */
async function trustedFacts(ask: RunGit, env: NodeJS.ProcessEnv): Promise<Facts> {
  try {
    return await facts((args) => ask(['-c', 'safe.bareRepository=explicit', ...args]));
  } catch {
    const found = await facts(ask);
    const path = line(await ask(['rev-parse', '--absolute-git-dir']));
    const around = workTreeAround(dirname(path));
    if (around === undefined) return found;
    const own = `:(literal)${relative(around, path)}`;
    if ((await askGitIn(around, env)(['ls-files', '--', own])) === '') return found;
    throw new PaudeError(
      'GIT_FAILED',
      `${path} came with the repository ${around} and poses as one of its own: its settings are not yours`,
      { hint: `cd ${shellWord(around)}` },
    );
  }
}

/** Of folders upwards the first that has a `.git`, which no clone can bring. */
function workTreeAround(folder: string): string | undefined {
  if (existsSync(join(folder, '.git'))) return folder;
  return dirname(folder) === folder ? undefined : workTreeAround(dirname(folder));
}

/** All in one call, for each costs some milliseconds of every push; in another one where there is no work tree. */
async function facts(git: RunGit): Promise<Facts> {
  const ask = async (folder: string) => {
    const said = line(await git(['rev-parse', '--is-inside-work-tree', '--show-object-format', folder]));
    // The folder comes last: there may be line breaks in its name.
    const [, inside, objectFormat, path] = /^(\w+)\n(\w+)\n([^]*)$/.exec(said) ?? [];
    return { inside: inside === 'true', objectFormat: objectFormat!, path: path! };
  };
  try {
    const { inside, objectFormat, path } = await ask('--show-toplevel');
    if (inside) return { objectFormat, folder: path, topLevel: path };
  } catch (error) {
    if (!isPaudeError(error) || !/must be run in a work tree/.test(error.message)) throw error;
  }
  const { objectFormat, path } = await ask('--absolute-git-dir');
  return { objectFormat, folder: path, topLevel: undefined };
}

/** git's configuration where there is no repository: the user's and the system's. */
export async function configOutside(folder: string, env: NodeJS.ProcessEnv): Promise<GitConfig> {
  return readConfig(askGitIn(folder, env));
}

async function readConfig(git: RunGit): Promise<GitConfig> {
  return parseConfig(await git(['config', '--list', '-z']));
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

function repository(
  { git, ask }: { readonly git: RunGit; readonly ask: RunGit },
  topLevel: string | undefined,
  folderName: string,
  objectFormat: string,
): Repository {
  let read: Promise<GitConfig> | undefined;
  const config = () => (read ??= readConfig(ask));

  const remotes = async () => remotesIn(await config());

  async function write(...args: readonly string[]): Promise<void> {
    read = undefined;
    await writeConfig(git, args);
  }

  const set = (key: string, value: string) => write('config', '--local', key, value);

  return {
    topLevel,
    folderName,
    config,
    remotes,
    ownRemotes: async () => remotesIn(parseConfig(await git(['config', '--local', '--list', '-z']))),
    setConfig: set,
    addRemote: async (name, url) => {
      const present = (await remotes()).find((remote) => remote.name === name);
      if (present?.url === url) return 'same';
      if (present !== undefined) {
        throw new PaudeError('REMOTE_EXISTS', `the remote ${name} is there already, for ${present.url}`, {
          hint: `git remote rename ${name} ${name}-old`,
        });
      }
      const known = await config();
      for (const [key, value] of lfs.agent) if (known.get(key) !== value) await set(key, value);
      await set(`remote.${name}.lfsurl`, lfs.url);
      await set(`remote.${name}.skipFetchAll`, 'true');
      await set(`remote.${name}.fetch`, `+refs/heads/*:refs/remotes/${name}/*`);
      // What makes it a remote comes last: one that is there is whole.
      await set(`remote.${name}.url`, url);
      return 'added';
    },
    removeRemote: (name) => write('remote', 'remove', name),
    currentBranch: async () => {
      try {
        return line(await ask(['symbolic-ref', '--quiet', '--short', 'HEAD'])) || undefined;
      } catch (error) {
        // symbolic-ref --quiet fails without a word when HEAD is detached.
        if (isPaudeError(error, 'GIT_FAILED') && error.message.endsWith('it said nothing')) return undefined;
        throw error;
      }
    },
    objectFormat,
    present: async (oids) => {
      if (oids.length === 0) return new Set();
      const said = await git(['cat-file', '--batch-check=%(objectname)'], `${oids.join('\n')}\n`);
      return new Set(said.split('\n').filter((row) => row !== '' && !row.endsWith(' missing')));
    },
  };
}

function remotesIn(config: GitConfig): readonly Remote[] {
  const found: Remote[] = [];
  for (const [key, value] of config) {
    const name = /^remote\.(.+)\.url$/s.exec(key)?.[1];
    if (name !== undefined) found.push({ name, url: value });
  }
  return found;
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
    const key = end < 0 ? entry : entry.slice(0, end);
    const value = end < 0 ? 'true' : entry.slice(end + 1);
    const before = key.startsWith('paude.') ? values.get(key) : undefined;
    values.set(key, before === undefined ? value : `${before}\n${value}`);
  }
  return values;
}
