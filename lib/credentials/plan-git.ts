import { join } from 'node:path';
import { shown, type GitEntry, type Host } from './host.ts';
import { whyNot } from './git-rules.ts';
import { namedFile } from './named-file.ts';
import type { Going, Plan, Staying } from './plan.ts';

/** What the pushing repository says of who commits stands before the user's own (image/files/gitconfig). */
const identity = '[include]\n\tpath = /pvc/identity.gitconfig\n';

/** The user's configuration of git with what it includes, as one file, without what can't work in a session. */
export async function planGit(host: Host): Promise<Plan> {
  const entries = await host.gitConfig();
  const staying: Staying[] = entries.flatMap((entry) => {
    const why = whyNot(entry);
    if (why === undefined) return [];
    return [{ from: `${shown(host, entry.origin)}: ${withoutLogin(entry.key)}`, why, size: 0 }];
  });
  const going: Going[] = ignored(host, entries);
  const kept = entries.filter((entry) => whyNot(entry) === undefined);
  if (entries.length > 0) {
    const content = Buffer.from(formatGitConfig(kept) + identity);
    const from = [...new Set(entries.map(({ origin }) => shown(host, origin)))].join(', ');
    const why = "git's configuration";
    const source = { type: 'content', content } as const;
    going.push({ part: 'config', to: 'home/.gitconfig', from, why, size: content.length, source });
  }
  return { going, staying };
}

/** A key may have a URL in it, and that a password. */
function withoutLogin(key: string): string {
  return key.replace(/(?<=:\/\/)[^/]*@/, '');
}

/** The patterns that git ignores everywhere. */
function ignored(host: Host, entries: readonly GitEntry[]): Going[] {
  const named = entries.filter(({ key }) => key === 'core.excludesfile').at(-1)?.value;
  const path = (
    named || join(host.env['XDG_CONFIG_HOME'] || join(host.home, '.config'), 'git/ignore')
  ).replace(/^~(?=\/)/, () => host.home);
  const file = namedFile(path);
  if ('why' in file) return [];
  const [to, why] = ['home/.config/git/ignore', 'what git ignores everywhere'];
  return [{ part: 'config', to, from: shown(host, path), why, ...file }];
}

/** Writes entries as git reads them (git-config(1), Syntax). */
export function formatGitConfig(entries: readonly GitEntry[]): string {
  return entries
    .map(({ key, value }) => {
      const [first, last] = [key.indexOf('.'), key.lastIndexOf('.')];
      const subsection = first === last ? '' : ` "${key.slice(first + 1, last).replace(/["\\]/g, '\\$&')}"`;
      const name = key.slice(last + 1);
      return `[${key.slice(0, first)}${subsection}]\n\t${name}${value === undefined ? '' : ` = ${quoted(value)}`}\n`;
    })
    .join('');
}

function quoted(value: string): string {
  const text = value
    .replace(/["\\]/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll('\t', '\\t')
    .replaceAll('\b', '\\b');
  return `"${text}"`;
}
