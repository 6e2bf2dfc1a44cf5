import { constants, existsSync } from 'node:fs';
import { access, chmod, lstat, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PaudeError } from '../errors.ts';
import { shellWord } from '../printable.ts';
import { gitIn, type RunGit } from './run-git.ts';

/** The stub: beside lib/ in the source, beside the bundle in the package. */
const stub = ['../../hooks/post-checkout', './hooks/post-checkout']
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find((path) => existsSync(path))!;
const marker = "# git-paude's hook, version ";
/** The git that has hooks in its configuration, beside those in the folder. */
const configured = [2, 54] as const;
const event = 'post-checkout';
const section = 'hook.git-paude';

/** ours: as this version has it; old: another version's; foreign: somebody else's; none: there is none. */
export type HookState = 'ours' | 'old' | 'foreign' | 'none';

/** Where git looks for the hook of a repository, and what is there. */
export interface Hook {
  /** The file; with hooks in git's configuration, the one that it names. */
  readonly path: string;
  readonly inConfiguration: boolean;
  readonly state: HookState;
  /** Another hook runs before it. */
  readonly chained: boolean;
  /** It could be put there, as far as can be seen without trying. */
  readonly writable: boolean;
  /** Where the hook keeps what it has to remember, and its log. */
  readonly folder: string;
}

export interface InstalledHook extends Hook {
  /** Where a hook is now that was kept here before, and has had to make room for another one. */
  readonly kept: string | undefined;
}

/** Looks where git would: core.hooksPath and linked worktrees are git's own to resolve. */
export async function findHook(folder: string, env: NodeJS.ProcessEnv): Promise<Hook> {
  const git = gitIn(folder, env);
  const common = resolve(folder, (await git(['rev-parse', '--git-common-dir'])).trim());
  const state = join(common, 'paude');
  const inFolder = resolve(
    folder,
    (await git(['rev-parse', '--git-path', `hooks/${event}`])).replace(/\n$/, ''),
  );
  // One that an older git has put into the folder runs there still.
  const inConfiguration = (await hasConfiguredHooks(git)) && !isOurs(await stateOf(inFolder));
  const path = inConfiguration ? join(state, event) : inFolder;
  const found = await stateOf(path);
  const command = inConfiguration ? await configuredCommand(git) : undefined;
  return {
    path,
    inConfiguration,
    state: inConfiguration ? stateAs(command, path, found) : found,
    chained: await isThere(before(path)),
    writable: await isWritable(dirname(path)),
    folder: state,
  };
}

/**
 * Installs it, or brings it up to date. A stranger's hook is never touched: throws HOOK_FOREIGN, but for `chain`.
 * Throws HOOK_UNWRITABLE.
 */
export async function installHook(
  folder: string,
  env: NodeJS.ProcessEnv,
  chain: boolean,
): Promise<InstalledHook> {
  const hook = await findHook(folder, env);
  if (hook.state === 'foreign' && !chain) {
    throw new PaudeError('HOOK_FOREIGN', `there is a hook already, which is not git-paude's: ${hook.path}`, {
      hint: 'git paude hooks install --chain keeps it, and runs it first',
    });
  }
  const kept = await changing(hook.path, () => put(hook));
  if (hook.inConfiguration) {
    const git = gitIn(folder, env);
    await git(['config', '--local', `${section}.event`, event]);
    await git(['config', '--local', `${section}.command`, commandFor(hook.path)]);
  }
  return { ...(await findHook(folder, env)), kept };
}

/** Removes it, and puts back the one that it ran first. A stranger's stays: throws HOOK_FOREIGN, HOOK_UNWRITABLE. */
export async function uninstallHook(folder: string, env: NodeJS.ProcessEnv): Promise<Hook> {
  const hook = await findHook(folder, env);
  if (hook.state === 'foreign') {
    throw new PaudeError('HOOK_FOREIGN', `the hook is not git-paude's, and stays: ${hook.path}`, {
      hint: `look at it: cat '${hook.path}'`,
    });
  }
  await changing(hook.path, async () => {
    if (hook.chained) await rename(before(hook.path), hook.path);
    else if (await isThere(hook.path)) await rm(hook.path);
  });
  const git = gitIn(folder, env);
  // Also where it names a file of elsewhere.
  if (hook.inConfiguration && (await configuredCommand(git)) !== undefined) {
    await git(['config', '--local', '--remove-section', section]);
  }
  return hook;
}

/** Throws HOOK_UNWRITABLE where the file system refuses a change. */
async function changing<T>(path: string, change: () => Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === undefined) throw cause;
    const folder = dirname(path);
    const reason = code === 'EEXIST' || code === 'ENOTDIR' ? `${folder} is not a folder` : message;
    throw new PaudeError('HOOK_UNWRITABLE', `the hook can't be changed: ${path}: ${reason}`, {
      hint: `ls -ld ${shellWord(folder)}; git config --show-origin --get core.hooksPath`,
      cause,
    });
  }
}

/** Puts the stub there. The hook of a stranger makes room for it, and only once it is written. */
async function put({ path, state }: Hook): Promise<string | undefined> {
  await mkdir(dirname(path), { recursive: true });
  const next = `${path}.${process.pid}`;
  try {
    await writeFile(next, await readFile(stub));
    await chmod(next, 0o755);
    const kept = state === 'foreign' ? await keep(path) : undefined;
    await rename(next, path);
    return kept;
  } finally {
    await rm(next, { force: true });
  }
}

/** Whether something could be put into a folder, which may have to be made first. */
async function isWritable(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.W_OK);
    return (await stat(folder)).isDirectory();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' && isWritable(dirname(folder));
  }
}

function before(path: string): string {
  return `${path}.before-git-paude`;
}

/** Keeps a stranger's hook. Gives the new name of another one that was kept already, if that is not the same. */
async function keep(path: string): Promise<string | undefined> {
  const [older, own] = await Promise.all([textOf(before(path)), textOf(path)]);
  let kept: string | undefined;
  if ((await isThere(before(path))) && (older === undefined || older !== own)) {
    let number = 1;
    while (await isThere(`${before(path)}.${number}`)) number++;
    kept = `${before(path)}.${number}`;
    await rename(before(path), kept);
  }
  await rename(path, before(path));
  return kept;
}

/** Whether there is anything: also a link that leads nowhere, which on another branch may lead somewhere. */
async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/** As Latin-1, in which all bytes differ; undefined where it can't be read. */
async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'latin1').catch(() => undefined);
}

async function stateOf(path: string): Promise<HookState> {
  if (!(await isThere(path))) return 'none';
  const [present = '', own] = await Promise.all([textOf(path), readFile(stub, 'latin1')]);
  if (present === own) return 'ours';
  return present.split('\n')[1]?.startsWith(marker) === true ? 'old' : 'foreign';
}

function isOurs(state: HookState): boolean {
  return state === 'ours' || state === 'old';
}

async function hasConfiguredHooks(git: RunGit): Promise<boolean> {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(await git(['version'])) ?? [];
  const [first, second] = [Number(major), Number(minor)];
  return first > configured[0] || (first === configured[0] && second >= configured[1]);
}

/** git runs it with a shell, and adds the hook's arguments (githooks(5)). Where no such file is any more, it does nothing. */
function commandFor(path: string): string {
  return `[ ! -x ${shellWord(path)} ] || ${shellWord(path)}`;
}

async function configuredCommand(git: RunGit): Promise<string | undefined> {
  const said = await git(['config', '--local', '--list', '-z']);
  const name = `${section}.command\n`;
  const entry = said.split('\0').findLast((one) => one.startsWith(name));
  return entry?.slice(name.length);
}

/** Of a file that git's configuration has to name, as an older version may have done. */
function stateAs(command: string | undefined, path: string, found: HookState): HookState {
  if (command === commandFor(path)) return found;
  return command === shellWord(path) && found !== 'none' ? 'old' : 'none';
}
