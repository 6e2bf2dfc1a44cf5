import { parseUpstream } from '../egress/upstream-proxy.ts';
import { printTable } from '../ui/table.ts';
import type { Command } from './command.ts';

export const config: Command = async (context, { flags }) => {
  const { values, origins } = await context.settings();
  const rows = Object.entries(values).map(([key, value]) => {
    const origin = origins[key as keyof typeof origins]!;
    // Its password is for nobody's screen.
    const safe = key === 'upstream-proxy' ? parseUpstream(String(value)).url : value;
    return { key, value: safe, source: origin.source, name: origin.name };
  });
  if (flags.get('json') === true) context.output.json(rows);
  else {
    const shown = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
    const cells = rows.map(({ key, value, source, name }) => [key, shown(value), `${source} ${name}`.trim()]);
    printTable(context.output, ['SETTING', 'VALUE', 'FROM'], cells);
  }
  return 0;
};
