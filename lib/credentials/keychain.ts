import { execFile } from 'node:child_process';

/** How long macOS may take; it asks the user the first time. Milliseconds. */
const patience = 60_000;

/** A generic password of macOS's keychain (security(1)); undefined where there is none, or it is refused. */
export function readKeychain(service: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const args = ['find-generic-password', '-s', service, '-w'];
  return new Promise((resolve) => {
    execFile('security', args, { env, timeout: patience }, (error, stdout) => {
      resolve(error === null ? stdout.trim() : undefined);
    });
  });
}
