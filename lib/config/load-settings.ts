import { join } from 'node:path';
import * as v from 'valibot';
import { PaudeError } from '../errors.ts';
import { gitKeyOf, options, variableOf, type Option, type OptionKey } from './options.ts';
import { shown } from './parse-settings.ts';
import { readSettingsFile, type SettingsFile } from './settings-file.ts';
import { containerfileOf, isTrusted } from './trust.ts';

/** Where a value came from. */
export interface Origin {
  readonly source: 'flag' | 'environment' | 'git config' | 'repository' | 'user' | 'fallback';
  /** The flag, variable, key or file. */
  readonly name: string;
}

/** The value of each option that has one. */
export type Settings = { readonly [Key in OptionKey]?: string | number | boolean | readonly string[] };

export interface Resolved {
  readonly values: Settings;
  readonly origins: Readonly<Partial<Record<OptionKey, Origin>>>;
  /** The text of the containerfile that the settings name. */
  readonly containerfile?: string;
}

export interface Sources {
  readonly flags: ReadonlyMap<string, unknown>;
  readonly env: NodeJS.ProcessEnv;
  /** git's configuration, keys in lower case; a key with several values has them one a line. */
  readonly gitConfig: ReadonlyMap<string, string>;
  /** The top of the work tree, where .paude.json may be. */
  readonly topLevel: string | undefined;
  /** The folder of the user's own settings: `~/.config/paude`. */
  readonly userFolder: string;
}

interface Candidate extends Origin {
  readonly value: unknown;
  /** Where the value stands in its file. */
  readonly place?: string | undefined;
}

/**
 * Every setting, from the first source that says something: flag, environment, git config, .paude.json, the
 * user's own file, fallback. Throws CONFIG_INVALID, CONFIG_UNTRUSTED, OPTION_UNSUPPORTED, USAGE.
 */
export async function loadSettings(sources: Sources): Promise<Resolved> {
  const [repository, user] = await Promise.all([
    sources.topLevel === undefined ? undefined : readSettingsFile(join(sources.topLevel, '.paude.json')),
    readSettingsFile(join(sources.userFolder, 'config.json'), 'links'),
  ]);
  if (repository !== undefined) await refuseUntrusted(repository, sources);
  const values: Record<string, unknown> = {};
  const origins: Record<string, Origin> = {};
  for (const option of options as readonly Option[]) {
    const chosen = candidates(option, sources, repository, user).find(({ value }) => value !== undefined);
    if (chosen === undefined) continue;
    if (chosen.source === 'repository') refuseForbidden(option, chosen);
    values[option.key] = chosen.source === 'fallback' ? chosen.value : parsed(option, chosen);
    origins[option.key] = { source: chosen.source, name: chosen.name };
  }
  const resolved = { values: values as Settings, origins: origins as Resolved['origins'] };
  refuseUnsupported(resolved);
  const containerfile = await containerfileOf(sources.topLevel, resolved.values.containerfile);
  return containerfile === undefined ? resolved : { ...resolved, containerfile };
}

function candidates(
  option: Option,
  { flags, env, gitConfig }: Sources,
  repository: SettingsFile | undefined,
  user: SettingsFile | undefined,
): readonly Candidate[] {
  const { key } = option;
  const variable = variableOf(key);
  const caFallback = key === 'ca-file' ? env['NODE_EXTRA_CA_CERTS'] : undefined;
  return [
    { source: 'flag', name: `--${key}`, value: flags.get(key) },
    { source: 'environment', name: variable, value: env[variable] || undefined },
    { source: 'git config', name: gitKeyOf(key), value: fromGit(option, gitConfig) },
    fromFile('repository', key, repository),
    fromFile('user', key, user),
    { source: 'environment', name: 'NODE_EXTRA_CA_CERTS', value: caFallback },
    { source: 'fallback', name: '', value: option.fallback },
  ];
}

/** The last value counts; of a list all do, up to an empty one, which takes back those before it, as elsewhere in git. */
function fromGit({ key, kind }: Option, gitConfig: Sources['gitConfig']): string | undefined {
  const given = gitConfig.get(gitKeyOf(key).toLowerCase())?.split('\n');
  return kind === 'list' ? given?.slice(given.lastIndexOf('') + 1).join('\n') : given?.at(-1);
}

function fromFile(source: 'repository' | 'user', key: string, file: SettingsFile | undefined): Candidate {
  return { source, name: file?.path ?? '', value: file?.values.get(key), place: file?.places.get(key) };
}

/** Text from a flag, a variable or git's configuration becomes what the option's kind asks for; JSON has kinds. */
function parsed(option: Option, { source, name, value, place }: Candidate): unknown {
  const isText = typeof value === 'string' && place === undefined;
  const result = v.safeParse(option.schema, isText ? fromText(option, value) : value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const where = place === undefined ? name : `${name}:${place}`;
  const said = option.mayBeSecret === true ? 'its value' : shown(issue.input);
  const message = `${where}: ${option.key}: ${said} ${issue.message}`;
  throw new PaudeError(source === 'flag' ? 'USAGE' : 'CONFIG_INVALID', message, {
    hint: `${option.key}: ${option.help}`,
  });
}

function fromText({ kind, separator = '\n' }: Option, text: string): unknown {
  if (kind === 'number') return /^[0-9]+$/.test(text) ? Number(text) : text;
  if (kind === 'list') return text.split(separator).flatMap((item) => item.trim() || []);
  if (kind !== 'flag') return text;
  if (/^(true|yes|on|1)$/i.test(text)) return true;
  return /^(false|no|off|0)$/i.test(text) ? false : text;
}

async function refuseUntrusted(file: SettingsFile, sources: Sources): Promise<void> {
  const keys = untrustedKeys(file);
  if (keys.length === 0 || (await isTrusted(file, sources.topLevel, sources.userFolder))) return;
  throw new PaudeError(
    'CONFIG_UNTRUSTED',
    `${file.path} asks for what needs your consent: ${keys.join(', ')}`,
    {
      hint: 'look with git paude trust --show, and allow it with git paude trust',
    },
  );
}

/** Some things are the user's own to say, even where the user trusts the file. */
function refuseForbidden({ key, neverFromRepository }: Option, { name, value, place }: Candidate): void {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  const found = items.find((item) => neverFromRepository?.test(String(item)) === true);
  if (found === undefined) return;
  throw new PaudeError(
    'CONFIG_INVALID',
    `${name}:${place}: ${key}: ${shown(found)} is not for a repository to say`,
    {
      hint: `say it yourself, with --${key}, PAUDE_${key.toUpperCase().replaceAll('-', '_')}, or in your own config.json`,
    },
  );
}

/** The keys of a repository's file that it may not set without consent. */
export function untrustedKeys(file: SettingsFile): readonly string[] {
  return (options as readonly Option[])
    .filter((option) => !option.repository && file.values.has(option.key))
    .map((option) => option.key);
}

/** An option that the chosen backend can't honour is refused, wherever it was given. */
function refuseUnsupported({ values, origins }: Pick<Resolved, 'values' | 'origins'>): void {
  const backend = values.backend === 'podman' ? 'podman' : 'kubernetes';
  for (const option of options as readonly Option[]) {
    const origin = origins[option.key as OptionKey];
    // What a person or the environment says in general may be meant for another backend; a flag is meant here.
    if (option.only === undefined || option.only === backend || origin?.source !== 'flag') continue;
    throw new PaudeError(
      'OPTION_UNSUPPORTED',
      `${origin.name} means nothing to sessions on ${backend === 'podman' ? 'Podman' : 'a cluster'}`,
      {
        hint: `leave ${origin.name} out${backend === 'podman' ? ', or add --backend=openshift' : ''}`,
      },
    );
  }
}
