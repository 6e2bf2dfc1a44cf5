import { join } from 'node:path';
import { readFile } from 'node:fs/promises';
import { isPaudeError } from '../errors.ts';
import type { Hook } from '../git/hooks.ts';
import type { Repository } from '../git/repository.ts';
import type { Command, Context } from './command.ts';
import { here } from './here.ts';

/** How many of the log's last lines are shown. */
const shownLines = 10;

export const hooksInstall: Command = async (context, { flags }) => {
  const repository = await here(context);
  const hook = await context.installHook(flags.get('chain') === true);
  await repository.setConfig(answerKey, 'true');
  context.output.say(`the hook is installed: ${hook.path}`);
  if (hook.kept !== undefined) {
    context.output.say(`the hook that was kept before does not run any more, and is now ${hook.kept}`);
  }
  context.output.say('from now on, a checkout of a branch refreshes the credentials of running sessions');
  return 0;
};

export const hooksUninstall: Command = async (context) => {
  const repository = await here(context);
  const hook = await context.uninstallHook();
  await repository.setConfig(answerKey, 'false');
  const outcome = hook.state === 'none' ? 'there is no hook of git-paude' : 'the hook is removed';
  context.output.say(hook.chained ? `${outcome}; the one that was there before is back` : outcome);
  return 0;
};

const sentences: Readonly<Record<Hook['state'], string>> = {
  ours: 'installed',
  old: "installed, another version's: git paude hooks install brings it up to date",
  foreign: "not installed: there is another hook, which is not git-paude's",
  none: 'not installed: git paude hooks install',
};

export const hooksStatus: Command = async (context) => {
  await here(context);
  const hook = await context.findHook();
  context.output.print(sentences[hook.state]);
  context.output.print(`hook: ${hook.path}${hook.chained ? ', after the one that was there before' : ''}`);
  const log = await readFile(join(hook.folder, 'hook.log'), 'utf8').catch(() => '');
  const lines = log.split('\n').filter(Boolean);
  context.output.print(lines.length === 0 ? 'it has not run yet' : 'what it did last:');
  for (const line of lines.slice(-shownLines)) context.output.print(`  ${line}`);
  return hook.state === 'ours' || hook.state === 'old' ? 0 : 1;
};

/** Whether the user wants the hook in this repository; without it, nobody has asked yet. */
const answerKey = 'paude.hook';

/**
 * Offers the hook, once for each repository, where there is somebody to ask and it could be installed. That it could
 * not after all is said, and is no failure of what it was offered by.
 */
export async function offerHook(context: Context, repository: Repository): Promise<void> {
  if ((await repository.config()).has(answerKey)) return;
  const hook = await context.findHook();
  if (hook.state !== 'none' || !hook.writable) return;
  const answer = await context.ask(
    'Refresh the credentials of running sessions at each git checkout, by a hook?',
  );
  if (answer === undefined) return;
  await repository.setConfig(answerKey, String(answer));
  if (!answer) {
    context.output.say('no hook; git paude hooks install, if you change your mind');
    return;
  }
  try {
    await context.installHook(false);
    context.output.say(`the hook is installed: ${hook.path}`);
  } catch (error) {
    if (!isPaudeError(error)) throw error;
    context.output.say(`${error.message}; git paude hooks install, once that is mended`);
  }
}
