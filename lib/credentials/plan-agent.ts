import { join, posix } from 'node:path';
import type { Agent, Configuration, KeyPath, OwnLogin } from '../agents/agent.ts';
import { shown, type Host } from './host.ts';
import { formatJson, parseJson, valueAt, withoutKey, wholeJson } from './json-keys.ts';
import { namedFile, realPath } from './named-file.ts';
import { ownFolder } from './own-folder.ts';
import { ownLoginContent } from './own-login.ts';
import { joinPlans, type Going, type Plan, type Refusal, type Staying } from './plan.ts';
import { pathRewriter } from './rewrite-paths.ts';
import { sizeOf, sourceOf, walkFolder, type Found } from './walk-folder.ts';

/** The home of every session. */
export const sessionHome = '/home/paude';

/** Where an agent's folder is on this machine. Throws CONFIG_INVALID. */
export function agentFolder({ folder, variable }: Configuration, host: Host): string {
  return ownFolder(host, variable, join(host.home, folder));
}

/** Where the agent reads its state on this machine. Throws CONFIG_INVALID. */
export function stateFile(configuration: Configuration, host: Host): string {
  const { variable, stateFile: name, earlyStateFile } = configuration;
  const early = join(agentFolder(configuration, host), earlyStateFile);
  const file = namedFile(early);
  if ('size' in file && file.size > 0) return early;
  return join(host.env[variable] || host.home, name);
}

type Unreadable = Extract<Found, { type: 'unreadable' }>;

/** How much of a folder is looked at: what lies at its top, what may go, or the files of the folders that stay, too. */
export type Depth = 'top' | 'needed' | 'all';

/**
 * An agent's folder and its state: which file goes and how changed, and which stays and why. `rewriteOthers` rewrites
 * the paths of other folders that its files may name.
 */
export function planAgent(
  { configuration }: Agent,
  host: Host,
  depth: Depth,
  rewriteOthers = (text: string) => text,
): Plan {
  const root = agentFolder(configuration, host);
  const excluded = exclusions(configuration.excluded);
  const prune = (path: string) => depth === 'top' || (depth === 'needed' && excluded(path) !== undefined);
  const found = walkFolder(root, prune);
  const rewriteOwn = pathRewriter(
    [root, realPath(root)],
    configuration.folder,
    `${sessionHome}/${configuration.folder}`,
  );
  const rewrite = (text: string) => rewriteOthers(rewriteOwn(text));
  const name = (path: string) => shown(host, join(root, path));
  const away = excludedTargets(found, excluded);
  const targets = loginTargets(found, root, configuration);
  const files = found.map((entry): Plan => {
    const why =
      excluded(entry.path) ??
      away(entry.path) ??
      (isLoginCopy(entry.path, configuration) ? "a copy of the agent's login" : undefined) ??
      (isState(entry, configuration, host) ? 'goes beside the folder' : undefined) ??
      (entry.type === 'file' && targets.size > 0 && targets.has(realPath(join(root, entry.path)))
        ? "the agent's login, which goes where the link to it is"
        : undefined);
    if (why !== undefined) return stays({ from: name(entry.path), why, size: sizeOf(entry) });
    return planFile(entry, root, configuration, rewrite, name(entry.path));
  });
  return joinPlans([...files, planState(configuration, host, rewrite)]);
}

function isState({ path }: Found, configuration: Configuration, { env }: Host): boolean {
  const { stateFile: name, earlyStateFile, variable } = configuration;
  return path === earlyStateFile || (path === name && Boolean(env[variable]));
}

/** The same of what links in the folder, that are called like something excluded, lead to. */
function excludedTargets(found: readonly Found[], excluded: Exclusions): Exclusions {
  const targets = found.flatMap((entry) => {
    const why = entry.type === 'link' ? (excluded(entry.path) ?? excluded(`${entry.path}/`)) : undefined;
    if (entry.type !== 'link' || why === undefined) return [];
    return [{ path: posix.join(posix.dirname(entry.path), entry.target), link: entry.path, why }];
  });
  return (path) =>
    targets.find((one) => path === one.link || path === one.path || path.startsWith(`${one.path}/`))?.why;
}

/** Such as editors, and programs that change from one login to another, leave beside it. */
function isLoginCopy(path: string, { login }: Configuration): boolean {
  const named = login.files.some((file) => path.replace(/^\.+/, '').startsWith(file.replace(/^\.+/, '')));
  return named && !login.files.includes(path);
}

/** What logins that are links lead to: it is the login, whatever it is called. */
function loginTargets(found: readonly Found[], root: string, { login }: Configuration): ReadonlySet<string> {
  const links = found.filter(({ type, path }) => type === 'link' && login.files.includes(path));
  return new Set(links.map(({ path }) => realPath(join(root, path))));
}

function planFile(
  entry: Found,
  root: string,
  configuration: Configuration,
  rewrite: (text: string) => string,
  from: string,
): Plan {
  if (entry.type === 'odd') return stays({ from, why: entry.why, size: entry.size });
  const { folder, login } = configuration;
  if (entry.type === 'unreadable') return cannotRead(entry, login, `home/${folder}/${entry.path}`, from);
  const common = { part: 'config', to: `home/${folder}/${entry.path}`, from, size: sizeOf(entry) } as const;
  if (login.files.includes(entry.path)) {
    const file = namedFile(join(root, entry.path), root);
    if ('why' in file) return stays({ from, why: file.why, size: common.size });
    const change = (content: Buffer) => ownLoginContent(login, content);
    const why = 'the access token of it, never what renews it';
    return goes({ ...common, part: 'tokens', why, ...file, change });
  }
  const source = sourceOf(entry, root);
  if (entry.type === 'link') return goes({ ...common, why: 'a link in the folder', source });
  const changed = changeOf(entry.path, configuration, rewrite);
  const why =
    changed === undefined ? "the agent's configuration" : "the agent's configuration, paths rewritten";
  const change = (content: Buffer) =>
    login.renews.test(content.toString('latin1')) ? renewing : (changed?.(content) ?? content);
  return goes({ ...common, why, source, change });
}

const renewing: Refusal = { why: "it holds what renews the agent's login", keepsOld: false };

/** What the session has of it stays; of the whole folder, the login too. */
function cannotRead(source: Unreadable, { files }: OwnLogin, to: string, from: string): Plan {
  const parts = (['config', 'tokens'] as const).filter(
    (part) => source.path === '' || (part === 'tokens') === files.includes(source.path),
  );
  return { going: parts.map((part) => ({ part, to, from, why: source.why, size: 0, source })), staying: [] };
}

/** What becomes of a file that names paths, or keys that can't work. */
function changeOf(
  path: string,
  { folder, naming, dropped }: Configuration,
  rewrite: (text: string) => string,
): ((content: Buffer) => Buffer) | undefined {
  const names = naming.some((one) =>
    one.endsWith('/') ? path.startsWith(one) && path.endsWith('.json') : path === one,
  );
  const keys = dropped[`${folder}/${path}`] ?? [];
  if (!names && keys.length === 0) return undefined;
  return (content) => without(rewritten(content, rewrite), keys);
}

function rewritten(content: Buffer, rewrite: (text: string) => string): Buffer {
  const text = content.toString('utf8');
  // What is not UTF-8 would not be the same again.
  return Buffer.from(text).equals(content) ? Buffer.from(rewrite(text)) : content;
}

function without(content: Buffer, keys: readonly KeyPath[]): Buffer {
  const json = keys.length === 0 ? undefined : parseJson(content);
  if (json === undefined || keys.every((key) => valueAt(json, key) === undefined)) return content;
  return formatJson(keys.reduce(withoutKey, json));
}

function planState(configuration: Configuration, host: Host, rewrite: (text: string) => string): Plan {
  const path = stateFile(configuration, host);
  const file = namedFile(path);
  if ('why' in file) return { going: [], staying: [] };
  return goes({
    part: 'config',
    to: `home/${configuration.stateFile}`,
    from: shown(host, path),
    why: "the agent's preferences, paths rewritten",
    ...file,
    change: (content) => {
      const whole = wholeJson(content);
      const keys = configuration.dropped[configuration.stateFile] ?? [];
      return 'why' in whole ? whole : without(rewritten(whole, rewrite), keys);
    },
  });
}

/** Why a path stays; undefined where it goes. */
type Exclusions = (path: string) => string | undefined;

/** Of paths at the top of the folder, or below one that is. */
function exclusions(table: Readonly<Record<string, string>>): Exclusions {
  const whys = new Map(Object.entries(table));
  const patterns = [...whys].flatMap(([pattern, why]) => {
    if (!pattern.includes('*')) return [];
    const text = pattern.replace(/[.+?^${}()|[\]\\]/g, String.raw`\$&`).replaceAll('*', '[^/]*');
    return [{ matches: new RegExp(`^${text}${pattern.endsWith('/') ? '' : '$'}`), why }];
  });
  return (path) => {
    // Thousands of files are asked about: only the pattern of their top can fit.
    const top = path.slice(0, path.indexOf('/') + 1) || path;
    return whys.get(top) ?? patterns.find(({ matches }) => matches.test(path))?.why;
  };
}

function goes(one: Going): Plan {
  return { going: [one], staying: [] };
}

function stays(one: Staying): Plan {
  return { going: [], staying: [one] };
}
