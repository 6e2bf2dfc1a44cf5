import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { Agent } from '../agents/agent.ts';
import { PaudeError } from '../errors.ts';
import { formatLocation, type Location } from '../session/location.ts';
import { isObject, parseJson } from './json-keys.ts';

/** Of the shell that a session has its credentials from, what a sync outside of it has to know. No secret is in it. */
export interface ShellRecord {
  /** The variables that say where the user keeps things, with absolute paths. */
  readonly paths: Readonly<Record<string, string>>;
  /** The other variables that it has set and that go into a session. */
  readonly names: readonly string[];
}

/** What is to be remembered of a shell with this environment. */
export function shellRecord(
  { configuration, fromShell, secrets }: Agent,
  env: NodeJS.ProcessEnv,
): ShellRecord {
  const names = [
    configuration.variable,
    'CLOUDSDK_CONFIG',
    'GOOGLE_APPLICATION_CREDENTIALS',
    'XDG_CONFIG_HOME',
  ];
  const set = names.flatMap((name): [string, string][] => (env[name] ? [[name, absolute(env[name])]] : []));
  const others = [...fromShell, ...Object.keys(secrets)].filter((name) => env[name]);
  return { paths: Object.fromEntries(set), names: others };
}

/** One that is absolute stays as it is written: the keychain's name of a login comes from that. */
function absolute(path: string): string {
  return isAbsolute(path) ? path : resolve(path);
}

/** An environment as it is, and where it lacks a variable, as in that shell. */
export function inShell({ paths }: ShellRecord, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own = Object.entries(env).filter(([, value]) => value);
  return { ...paths, ...Object.fromEntries(own) };
}

/** Whether an environment lacks something that the shell has set. */
export function isOutside({ names }: ShellRecord, env: NodeJS.ProcessEnv): boolean {
  return names.some((name) => !env[name]);
}

/** What is remembered of a session's shell; undefined where nothing was sent there from here. Throws CONFIG_INVALID. */
export async function readShellRecord(home: string, location: Location): Promise<ShellRecord | undefined> {
  const path = fileOf(home, location);
  const text = await textOf(path);
  if (text === undefined) return undefined;
  const { paths, names } = parseJson(text) ?? {};
  if (isObject(paths) && areTexts(Object.values(paths)) && Array.isArray(names) && areTexts(names))
    return { paths: paths as Record<string, string>, names };
  throw new PaudeError('CONFIG_INVALID', `${path} can't be read`, { hint: `rm ${path}` });
}

/** Remembers it; nothing is written where it is known already. */
export async function writeShellRecord(home: string, location: Location, record: ShellRecord): Promise<void> {
  const path = fileOf(home, location);
  const text = `${JSON.stringify(record)}\n`;
  if ((await textOf(path)) === text) return;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const next = `${path}.${process.pid}`;
  await writeFile(next, text, { mode: 0o600 });
  await rename(next, path);
}

/** Of a session that is no more, nothing is remembered. */
export async function forgetShellRecord(home: string, location: Location): Promise<void> {
  await rm(fileOf(home, location), { force: true });
}

function areTexts(values: readonly unknown[]): values is readonly string[] {
  return values.every((value) => typeof value === 'string');
}

/** At a place that no variable moves: who reads it may not know of that. */
function fileOf(home: string, location: Location): string {
  const name = createHash('sha256').update(formatLocation(location)).digest('hex');
  return join(home, '.local/state/paude/shells', `${name}.json`);
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
