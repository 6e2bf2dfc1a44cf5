import { join } from 'node:path';
import { shown, type Host } from './host.ts';
import { wholeJson } from './json-keys.ts';
import { namedFile } from './named-file.ts';
import { ownFolder } from './own-folder.ts';
import { joinPlans, type Going, type Plan } from './plan.ts';
import { sessionHome } from './plan-agent.ts';
import { sizeOf, sourceOf, walkFolder, type Found } from './walk-folder.ts';

/** Where gcloud's configuration is on this machine. Throws CONFIG_INVALID. */
export function gcloudFolder(host: Host): string {
  return ownFolder(host, 'CLOUDSDK_CONFIG', join(host.home, '.config/gcloud'));
}

/** What programs log in with by themselves, below gcloud's folder. */
export const gcloudLogin = 'application_default_credentials.json';

const stays: readonly (readonly [RegExp, string])[] = [
  [/^logs\//, 'logs'],
  [/^(virtenv|cache)\//, 'a cache'],
  [/^\.(last|install|metricsUUID|feature_flags)/, 'of this machine'],
  [/\.lock$/, 'a lock'],
];
/** SQLite's journals go with their database, read as one. */
const journal = /\.db-(journal|wal|shm)$/;

/** gcloud's folder, and the file that GOOGLE_APPLICATION_CREDENTIALS names. */
export function planGcloud(host: Host, all: boolean): Plan {
  const root = gcloudFolder(host);
  const found = walkFolder(root, (path) => !all && whyNot(path) !== undefined);
  const plans = found.map((entry): Plan => {
    const from = shown(host, join(root, entry.path));
    const why = entry.type === 'odd' ? entry.why : whyNot(entry.path);
    if (why !== undefined) return { going: [], staying: [{ from, why, size: sizeOf(entry) }] };
    if (entry.type === 'odd' || (entry.type === 'file' && journal.test(entry.path)))
      return { going: [], staying: [] };
    return { going: [{ from, ...planEntry(entry, root, found) }], staying: [] };
  });
  return joinPlans([...plans, planApplicationCredentials(host)]);
}

function whyNot(path: string): string | undefined {
  return stays.find(([pattern]) => pattern.test(path))?.[1];
}

function planEntry(
  entry: Exclude<Found, { type: 'odd' }>,
  root: string,
  found: readonly Found[],
): Omit<Going, 'from'> {
  const common = { part: 'tokens', to: `home/.config/gcloud/${entry.path}` } as const;
  const [why, size, source] = ["gcloud's credentials", sizeOf(entry), sourceOf(entry, root)];
  if (source.type === 'file' && entry.path.endsWith('.db')) {
    const journals = found.filter(
      ({ type, path }) => type === 'file' && path.startsWith(`${entry.path}-`) && journal.test(path),
    );
    const suffixes = journals.map(({ path }) => path.slice(entry.path.length)).join(', ');
    return {
      ...common,
      why: suffixes === '' ? why : `${why}, with its journals ${suffixes}`,
      size: journals.reduce((sum, one) => sum + sizeOf(one), size),
      source: { ...source, type: 'database' },
    };
  }
  return { ...common, why, size, source, ...(entry.path === gcloudLogin && { change: wholeJson }) };
}

const variable = 'GOOGLE_APPLICATION_CREDENTIALS';
const whyNamed = `${variable} names it`;
/** Where its file lands, below the home. */
const landing = '.config/gcloud/google-application-credentials.json';

function planApplicationCredentials(host: Host): Plan {
  const path = host.env[variable];
  if (!path) return { going: [], staying: [] };
  const file = namedFile(path);
  if ('why' in file)
    return { going: [], staying: [{ from: path, why: `${whyNamed}, and it is ${file.why}`, size: 0 }] };
  const going = {
    part: 'tokens',
    to: `home/${landing}`,
    from: shown(host, path),
    why: whyNamed,
    ...file,
    change: wholeJson,
  } as const;
  return { going: [going], staying: [] };
}

/** The variable itself, which names that file in the session. */
export function planApplicationVariable({ env }: Host): Plan {
  const path = env[variable];
  if (!path || 'why' in namedFile(path)) return { going: [], staying: [] };
  const content = Buffer.from(`${sessionHome}/${landing}`);
  const source = { type: 'content', content } as const;
  const to = `environment/${variable}`;
  return {
    going: [{ part: 'login', to, from: variable, why: whyNamed, size: content.length, source }],
    staying: [],
  };
}
