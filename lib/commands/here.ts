import { PaudeError } from '../errors.ts';
import type { Repository } from '../git/repository.ts';
import type { Context } from './command.ts';

/** The repository that the user is in. Throws NOT_A_REPOSITORY. */
export async function here({ repository }: Context): Promise<Repository> {
  const found = await repository();
  if (found !== undefined) return found;
  throw new PaudeError('NOT_A_REPOSITORY', 'this folder is not in a git repository', {
    hint: 'git init, or cd to one',
  });
}

/** The push that brings what is here to a session; git itself can't push a HEAD without a commit or a branch. */
export async function nextPush(repository: Repository, remote: string): Promise<string> {
  const push = `git push ${remote} HEAD`;
  if ((await repository.present(['HEAD'])).size === 0) return `git commit, then ${push}`;
  return (await repository.currentBranch()) === undefined ? `${push}:refs/heads/BRANCH` : push;
}
