import { join } from 'node:path';
import { shown, type Host } from './host.ts';
import { wholeJson } from './json-keys.ts';
import { namedFile } from './named-file.ts';
import { joinPlans, type Plan } from './plan.ts';
import { sessionHome } from './plan-agent.ts';
import { walkFolder } from './walk-folder.ts';

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
    const size = entry.type === 'link' ? 0 : entry.size;
    const why = entry.type === 'odd' ? entry.why : reason(entry.path);
    if (why !== undefined) return { going: [], staying: [{ from, why, size }] };
    if (journal.test(entry.path)) return { going: [], staying: [] };
    const path = join(root, entry.path);
    const source =
      entry.type === 'link'
        ? ({ type: 'link', target: entry.target } as const)
        : ({ type: entry.path.endsWith('.db') ? 'database' : 'file', path } as const);
    const to = `home/.config/gcloud/${entry.path}`;
    const change = entry.path === gcloudLogin ? { change: wholeJson } : {};
    return {
      going: [{ part: 'login', to, from, why: "gcloud's credentials", size, source, ...change }],
      staying: [],
    };
  });
  return joinPlans([...plans, planApplicationCredentials(host)]);
}

function planApplicationCredentials(host: Host): Plan {
  const variable = 'GOOGLE_APPLICATION_CREDENTIALS';
  const path = host.env[variable];
  const to = '.config/gcloud/google-application-credentials.json';
  const places = [`home/${to}`, `environment/${variable}`] as const;
  const why = `${variable} names it`;
  if (!path) {
    const kept = { part: 'login', from: `$${variable}`, why, size: 0, source: { type: 'kept' } } as const;
    return {
      going: host.outsideShell === true ? places.map((place) => ({ ...kept, to: place })) : [],
      staying: [],
    };
  }
  const file = namedFile(path);
  if ('why' in file)
    return {
      going: [],
      staying: [{ from: path, why: `${variable} names it, and it is ${file.why}`, size: 0 }],
    };
  const content = Buffer.from(`${sessionHome}/${to}`);
  const common = { part: 'login', from: shown(host, path), why } as const;
  return {
    going: [
      { ...common, to: places[0], ...file },
      {
        ...common,
        from: variable,
        to: places[1],
        size: content.length,
        source: { type: 'content', content },
      },
    ],
    staying: [],
  };
}
