import { execFile } from 'node:child_process';
import type { SimpleGit } from 'simple-git';
import { PaudeError } from '../errors.ts';

/**
 * What the caller's environment may say to git: where the repository is, and which configuration applies (git
 * hands `git -c` to its children as GIT_CONFIG_PARAMETERS). simple-git drops every other GIT_ variable.
 */
const passed =
  /^GIT_(DIR|WORK_TREE|COMMON_DIR|PREFIX|CEILING_DIRECTORIES|CONFIG_(GLOBAL|SYSTEM|NOSYSTEM|PARAMETERS|COUNT|KEY_\d+|VALUE_\d+))$/;
/** Variables that simple-git refuses outright, because programs could be named in them. */
const refused = /^(EDITOR|VISUAL|PAGER|SSH_ASKPASS|PREFIX)$/;

/**
 * simple-git takes configuration of the environment for an attacker's. Here it is what the user gave to this very
 * command, by `git -c`, or to every one, as a container made for development does.
 */
const own = {
  ...{ allowUnsafeConfigEnvCount: true, allowUnsafeConfigPaths: true, allowUnsafeInclude: true },
  ...{ allowUnsafeAlias: true, allowUnsafeAskPass: true, allowUnsafeCommandBinaries: true },
  ...{ allowUnsafeCredentialHelper: true, allowUnsafeDiffExternal: true, allowUnsafeDiffTextConv: true },
  ...{ allowUnsafeEditor: true, allowUnsafeExec: true, allowUnsafeFilter: true, allowUnsafeFsMonitor: true },
  ...{ allowUnsafeGitProxy: true, allowUnsafeGpgProgram: true, allowUnsafeHooksPath: true },
  ...{ allowUnsafeMergeDriver: true, allowUnsafePack: true, allowUnsafePager: true },
  ...{ allowUnsafeProtocolOverride: true, allowUnsafeSshCommand: true, allowUnsafeSubmodule: true },
  ...{ allowUnsafeTemplateDir: true, allowUnsafeUrlRewrite: true },
};

/** Runs git in a folder, with an argument array; `input` goes to its standard input. Throws GIT_FAILED. */
export type RunGit = (args: readonly string[], input?: string) => Promise<string>;

/** The git of the user's PATH, run in a folder. */
export function gitIn(folder: string, env: NodeJS.ProcessEnv): RunGit {
  const names = Object.keys(env).filter((name) => passed.test(name));
  const child = environmentOf(env);
  return async (args, input) => {
    const { simpleGit } = await import('simple-git');
    const git: SimpleGit = simpleGit({
      baseDir: folder,
      allowEnvironment: names,
      unsafe: own,
      ...(input === undefined ? {} : { input: () => input }),
    });
    try {
      return await git.env(child).raw([...args]);
    } catch (cause) {
      throw gitFailed(args, cause);
    }
  };
}

/** A configuration is no longer than this; bytes. */
const longestAnswer = 64 * 2 ** 20;

/**
 * The same for the questions that every push asks first. They go to git straight: simple-git takes as much time to
 * load as git takes for all the answers.
 */
export function askGitIn(folder: string, env: NodeJS.ProcessEnv): RunGit {
  const options = { cwd: folder, env: environmentOf(env), maxBuffer: longestAnswer };
  return (args) =>
    new Promise((resolve, reject) => {
      execFile('git', args, options, (error, answer, complaint) => {
        if (error === null) resolve(answer);
        else
          reject(gitFailed(args, error.code === 'ENOENT' ? error : new Error(complaint, { cause: error })));
      });
    });
}

function environmentOf(env: NodeJS.ProcessEnv): Record<string, string> {
  const child = Object.entries(env).filter(
    ([name]) => !refused.test(name) && (!name.startsWith('GIT_') || passed.test(name)),
  );
  // Some of git's words are looked at, and the user's language would be another.
  return { ...Object.fromEntries(child), LC_ALL: 'C' } as Record<string, string>;
}

function gitFailed(args: readonly string[], cause: unknown): PaudeError {
  const said = cause instanceof Error ? cause.message.trim() : String(cause);
  if (/ENOENT/.test(said)) {
    return new PaudeError('GIT_FAILED', 'git is not on the PATH', {
      hint: 'install git 2.39 or newer, or put it on the PATH',
      cause,
    });
  }
  return new PaudeError('GIT_FAILED', `git ${args[0]} failed: ${said || 'it said nothing'}`, { cause });
}
