import { setTimeout as wait } from 'node:timers/promises';
import { isPaudeError, PaudeError } from '../errors.ts';
import type { RunGit } from './run-git.ts';

/** How long another writer is waited for; milliseconds. A write takes some of them. */
const patience = 10_000;
/** The pauses between the tries, in milliseconds: of two that wait, one is first. */
const pause = () => 10 + Math.random() * 40;

/**
 * Runs a git that writes the repository's configuration. git lets one at a time do so, and has the others fail at
 * once (seen with 2.39.5); here they wait. Such a git changes nothing before it has the lock, or can be run again.
 * Throws GIT_FAILED, where the lock is never given back, too.
 */
export async function writeConfig(git: RunGit, args: readonly string[], patient = patience): Promise<void> {
  for (const end = Date.now() + patient; ;) {
    try {
      await git(args);
      return;
    } catch (error) {
      if (!isLocked(error)) throw error;
      if (Date.now() > end) throw await neverFree(git, error);
      await wait(pause());
    }
  }
}

/** By git's own words (config.c), which run-git.ts keeps in English: with the reason, or, for a section, without one. */
function isLocked(error: unknown): boolean {
  const locked = /could not lock config file (.+: File exists|[^:\n]+)$/m;
  return isPaudeError(error, 'GIT_FAILED') && locked.test(error.message);
}

async function neverFree(git: RunGit, cause: unknown): Promise<PaudeError> {
  const file = (await git(['rev-parse', '--git-path', 'config'])).trimEnd();
  return new PaudeError('GIT_FAILED', `another git holds the lock of ${file}, and does not give it back`, {
    hint: `if no git is at work in this repository, one was killed there; remove what it left: rm '${file}.lock'`,
    cause,
  });
}
