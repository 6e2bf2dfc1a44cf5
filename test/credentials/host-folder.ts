import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Host } from '../../lib/credentials/host.ts';
import { userConfig } from '../../lib/git/user-config.ts';

export interface HostFolder extends Host {
  readonly env: NodeJS.ProcessEnv;
  /** Writes a file below the home, and gives its path. */
  write(path: string, content: string | Uint8Array): string;
  /** What the keychain has for the user, by service. */
  readonly secrets: Map<string, string>;
  /** The account that it was last asked for. */
  account?: string;
  /** Why the keychain tells nothing. */
  locked?: string;
  remove(): void;
}

/** A user's home, made for a test. */
export function hostFolder(platform: NodeJS.Platform = 'linux'): HostFolder {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'paude höme ')));
  const env: NodeJS.ProcessEnv = { PATH: process.env['PATH'], HOME: home };
  const secrets = new Map<string, string>();
  const folder: HostFolder = {
    home,
    env,
    platform,
    secrets,
    gitConfig: () => userConfig(home, env),
    keychain: async (service, account) => {
      folder.account = account;
      const text = secrets.get(service);
      if (folder.locked !== undefined) return { type: 'refused', why: folder.locked };
      return text === undefined ? { type: 'none' } : { type: 'secret', text };
    },
    write(path, content) {
      const file = join(home, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
      return file;
    },
    remove: () => rmSync(home, { recursive: true, force: true }),
  };
  return folder;
}
