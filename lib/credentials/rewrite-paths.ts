/** Where the agent's folder may be on any machine of the user's: files that say so travel between machines. */
const anyHome = String.raw`/(?:var/)?home/[^/"'\s\\]+|/Users/[^/"'\s\\]+|(?:/private)?/(?:var/)?root`;

type Rewrite = (text: string) => string;

/**
 * Gives a function that replaces the paths of a folder, in the text of a JSON file, by the folder's in the session.
 * `folders` are its names on this machine; of other machines, those in a home that end in `name` are known, too.
 */
export function pathRewriter(folders: readonly string[], name: string, target: string): Rewrite {
  return rewriter([...folders.map(inJson), `(?:${anyHome})/${escaped(name)}`], target);
}

/** The same for a folder that is of this machine only. */
export function folderRewriter(folders: readonly string[], target: string): Rewrite {
  return rewriter(folders.map(inJson), target);
}

function rewriter(patterns: readonly string[], target: string): Rewrite {
  // A path begins a word, and ends one or goes on with a slash: /home/u/.claude-old is another folder.
  const pattern = new RegExp(
    String.raw`(?<=^|["'\s=:(,[;&|<>\`]|//|\\[nt])(?:${[...new Set(patterns)].join('|')})(?=[/"'\s),:\]\\;&|<>\`]|$)`,
    'g',
  );
  return (text) => text.replace(pattern, () => target);
}

function inJson(folder: string): string {
  return escaped(JSON.stringify(folder.replace(/(?<=.)\/+$/, '')).slice(1, -1));
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
