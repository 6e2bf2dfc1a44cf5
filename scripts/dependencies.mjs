import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';

/** Installs exactly what the lock file says, when it has not been done since that file changed. */
export function installDependencies() {
  const installed = 'node_modules/.package-lock.json';
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync('package-lock.json').mtimeMs) return;
  console.error('installing the dependencies: npm ci');
  // What npm says is talk: a caller's standard output is for results.
  execFileSync('npm', ['ci', '--no-audit'], { stdio: ['ignore', 2, 2] });
}
