import { sep } from 'node:path';
import { PaudeError } from '../errors.ts';
import type { Host } from './host.ts';
import { realPath } from './named-file.ts';

/**
 * The folder that a variable names, of which all goes. Throws CONFIG_INVALID where the home is in it: with that would go
 * what is nobody else's, such as keys of SSH.
 */
export function ownFolder({ env, home }: Host, variable: string, fallback: string): string {
  const folder = env[variable];
  if (!folder) return fallback;
  if (!(realPath(home) + sep).startsWith(realPath(folder).replace(/\/*$/, sep))) return folder;
  throw new PaudeError('CONFIG_INVALID', `${variable} is ${folder}, and all of your home would go with it`, {
    hint: `unset ${variable}, or have it name a folder of its own`,
  });
}
