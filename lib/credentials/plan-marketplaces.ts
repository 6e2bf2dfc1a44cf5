import { realpathSync, statSync } from 'node:fs';
import { join, posix, sep } from 'node:path';
import type { Configuration } from '../agents/agent.ts';
import { shown, type Host } from './host.ts';
import { isObject, valueAt } from './json-keys.ts';
import { joinPlans, type Plan } from './plan.ts';
import { readJson } from './read-json.ts';
import { folderRewriter } from './rewrite-paths.ts';
import { sizeOf, sourceOf, walkFolder } from './walk-folder.ts';

/** What the agent reads from folders of the user's that are not its own, and how paths of theirs are rewritten. */
export interface Marketplaces {
  readonly plan: Plan;
  readonly rewrite: (text: string) => string;
}

/**
 * Marketplaces that stand outside of the agent's folder, as those that are worked on do: the agent reads the plugins of
 * such a one from there. They go beside the others, and of each only what its plugins need.
 */
export async function planMarketplaces(
  { folder, marketplaces }: Configuration,
  root: string,
  sessionHome: string,
  host: Host,
): Promise<Marketplaces> {
  const known = (await readJson(join(root, marketplaces.known))) ?? {};
  const plans: Plan[] = [];
  const rewrites: Marketplaces['rewrite'][] = [];
  for (const [name, entry] of Object.entries(known)) {
    const place = isObject(entry) ? entry[marketplaces.location] : undefined;
    if (typeof place !== 'string' || isInside(place, root, folder)) continue;
    const real = realFolder(place);
    const why = whyNot(name, real);
    if (real === undefined || why !== undefined) {
      plans.push({
        going: [],
        staying: [{ from: shown(host, place), why: `${why}; its plugins are missing`, size: 0 }],
      });
      continue;
    }
    const to = `${folder}/${marketplaces.folder}/${name}`;
    plans.push(planOne(name, place, `home/${to}`, await wantedIn(real, marketplaces.catalogue), host));
    rewrites.push(folderRewriter([place, real], `${sessionHome}/${to}`));
  }
  return { plan: joinPlans(plans), rewrite: (text) => rewrites.reduce((done, one) => one(done), text) };
}

/** Also where another machine of the user's says so: those go with the folder. */
function isInside(place: string, root: string, folder: string): boolean {
  const real = realFolder(root) ?? root;
  const inHome = new RegExp(
    String.raw`^/(?:(?:var/)?home/[^/]+|Users/[^/]+|(?:var/)?root)/${folder.replace('.', '\\.')}/`,
  );
  return [root, real].some((one) => place.startsWith(one + sep)) || inHome.test(place);
}

function whyNot(name: string, real: string | undefined): string | undefined {
  if (!/^\w[\w.-]*$/.test(name)) return 'a marketplace whose name is no folder’s';
  return real === undefined ? `the marketplace ${name} is no folder of this machine` : undefined;
}

function realFolder(path: string): string | undefined {
  try {
    return statSync(path).isDirectory() ? realpathSync(path) : undefined;
  } catch {
    return undefined;
  }
}

/** The catalogue, and the folders of the plugins that it names; relative. */
async function wantedIn(real: string, catalogue: string): Promise<readonly string[]> {
  const json = (await readJson(join(real, catalogue))) ?? {};
  const base = valueAt(json, ['metadata', 'pluginRoot']);
  const plugins = Array.isArray(json['plugins']) ? json['plugins'] : [];
  const folders = plugins.flatMap((plugin: unknown) => {
    const source = isObject(plugin) ? plugin['source'] : undefined;
    return typeof source === 'string' ? [posix.join(typeof base === 'string' ? base : '', source, '/')] : [];
  });
  return [posix.join(posix.dirname(catalogue), '/'), ...folders.filter((one) => !/^(\.\.)?\//.test(one))];
}

function planOne(name: string, place: string, to: string, wanted: readonly string[], host: Host): Plan {
  const isWanted = (path: string) => wanted.some((one) => one === './' || path.startsWith(one));
  const leadsThere = (path: string) => wanted.some((one) => one.startsWith(path));
  const skipped = (path: string) =>
    /(^|\/)(\.git|node_modules)\/$/.test(path) || !(isWanted(path) || leadsThere(path));
  const found = walkFolder(place, skipped).filter(
    ({ type, path }) => isWanted(path) || (type === 'unreadable' && leadsThere(path)),
  );
  return joinPlans(
    found.map((entry): Plan => {
      const from = shown(host, join(place, entry.path));
      if (entry.type === 'odd') return { going: [], staying: [{ from, why: entry.why, size: entry.size }] };
      const common = {
        part: 'config',
        to: `${to}/${entry.path}`,
        from,
        why: `of the marketplace ${name}`,
      } as const;
      return { going: [{ ...common, size: sizeOf(entry), source: sourceOf(entry, place) }], staying: [] };
    }),
  );
}
