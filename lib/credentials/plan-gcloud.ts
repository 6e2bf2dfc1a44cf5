import { join } from 'node:path';
import { shown, type Host } from './host.ts';
import { wholeJson } from './json-keys.ts';
import { namedFile } from './named-file.ts';
import { joinPlans, type Plan } from './plan.ts';
import { sessionHome } from './plan-agent.ts';
import { sourceOf, walkFolder } from './walk-folder.ts';

/** Where gcloud's configuration is on this machine. */
export function gcloudFolder({ env, home }: Host): string {
  return env['CLOUDSDK_CONFIG'] || join(home, '.config/gcloud');
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
  const reason = (path: string) => stays.find(([pattern]) => pattern.test(path))?.[1];
  const plans = walkFolder(root, (path) => !all && reason(path) !== undefined).map((entry): Plan => {
    const from = shown(host, join(root, entry.path));
    const size = 'size' in entry ? entry.size : 0;
    const stay = (why: string): Plan => ({ going: [], staying: [{ from, why, size }] });
    if (entry.type === 'odd') return stay(entry.why);
    const why = reason(entry.path);
    if (why !== undefined) return stay(why);
    if (entry.type !== 'unreadable' && journal.test(entry.path)) return { going: [], staying: [] };
    const to = `home/.config/gcloud/${entry.path}`;
    const found = sourceOf(entry, root);
    const source =
      found.type === 'file' && entry.path.endsWith('.db') ? { ...found, type: 'database' as const } : found;
    const change = entry.path === gcloudLogin ? { change: wholeJson } : {};
    return {
      going: [{ part: 'tokens', to, from, why: "gcloud's credentials", size, source, ...change }],
      staying: [],
    };
  });
  return joinPlans([...plans, planApplicationCredentials(host)]);
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
