import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as assert from 'uvu/assert';
import { isPaudeError, type ErrorCode, type PaudeError } from '../../lib/errors.ts';
import { loadSettings, type Resolved, type Sources } from '../../lib/config/load-settings.ts';

/** A work tree and a folder of the user's own settings, both in a new folder. */
export interface Place extends AsyncDisposable {
  readonly folder: string;
  readonly topLevel: string;
  readonly userFolder: string;
  /** Writes a file, by its path from the work tree. */
  write(path: string, text: string): Promise<string>;
  load(sources?: Partial<Sources>): Promise<Resolved>;
}

export async function place(settings?: string): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'paude-settings-'));
  const topLevel = join(folder, 'work tree');
  const userFolder = join(folder, 'home', 'paude');
  const write = async (path: string, text: string) => {
    const whole = join(topLevel, path);
    await mkdir(dirname(whole), { recursive: true });
    await writeFile(whole, text);
    return whole;
  };
  await mkdir(topLevel);
  if (settings !== undefined) await write('.paude.json', settings);
  const none = { flags: new Map(), env: {}, gitConfig: new Map(), topLevel, userFolder };
  return {
    folder,
    topLevel,
    userFolder,
    write,
    load: (sources = {}) => loadSettings({ ...none, ...sources }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The error that this ends in; a stranger's error is passed on. */
export async function failure(work: Promise<unknown>, code: ErrorCode): Promise<PaudeError> {
  try {
    await work;
  } catch (error) {
    if (!isPaudeError(error, code)) throw error;
    return error;
  }
  return assert.unreachable(`nothing failed with ${code}`) as never;
}
