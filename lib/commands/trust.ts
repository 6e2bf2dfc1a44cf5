import { PaudeError } from '../errors.ts';
import { untrustedKeys } from '../config/load-settings.ts';
import { printable, printableLines } from '../printable.ts';
import { printTable } from '../ui/table.ts';
import type { Command } from './command.ts';

export const trust: Command = async (context, { flags }) => {
  const file = await context.settingsFile();
  if (file === undefined) {
    throw new PaudeError('NOT_A_REPOSITORY', 'there is no .paude.json at the top of this work tree', {
      hint: 'run it inside the repository whose .paude.json it is',
    });
  }
  const asked = untrustedKeys(file);
  if (flags.get('show') === true) {
    if (asked.length === 0) context.output.say(`${file.path} asks for nothing that needs consent`);
    else
      printTable(
        context.output,
        ['SETTING', 'VALUE'],
        asked.map((key) => [key, JSON.stringify(file.values.get(key))]),
      );
    const containerfile = await context.containerfile(file);
    if (containerfile !== undefined) {
      context.output.print(`\n${printable(String(file.values.get('containerfile')))}:`);
      context.output.print(printableLines(containerfile.trimEnd()));
    }
    return 0;
  }
  await context.trust(file);
  context.output.say(
    `${file.path} is trusted as it now is${asked.length > 0 ? `, with ${asked.join(', ')}` : ''}`,
  );
  return 0;
};
