import { realpathSync } from 'node:fs';
import { sep } from 'node:path';
import { PaudeError } from '../errors.ts';
import type { Host } from './host.ts';

/**
 * The folder that a variable names, of which all goes. Throws CONFIG_INVALID where the home is in it: with that would go
 * what is nobody else's, such as keys of SSH.
 */
export function ownFolder({ env, home }: Host, variable: string, fallback: string): string {
  const folder = env[variable];
  if (!folder) return fallback;
  if (!(real(home) + sep).startsWith(real(folder).replace(/\/*$/, sep))) return folder;
  throw new PaudeError('CONFIG_INVALID', `${variable} is ${folder}, and all of your home would go with it`, {
    hint: `unset ${variable}, or have it name a folder of its own`,
  });
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
