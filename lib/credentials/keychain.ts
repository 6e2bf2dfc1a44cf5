import { execFile, type ExecFileException } from 'node:child_process';
import { printable } from '../printable.ts';
import type { Secret } from './host.ts';

/** How long macOS may take; it asks the user the first time. Milliseconds. */
const patience = 60_000;
/** What security(1) ends with where the keychain has none: the last byte of errSecItemNotFound. */
const notFound = 44;

/** A generic password of an account in macOS's keychain (security(1)). One that is locked may well have it. */
export function readKeychain(service: string, account: string, env: NodeJS.ProcessEnv): Promise<Secret> {
  const args = ['find-generic-password', '-a', account, '-s', service, '-w'];
  return new Promise((resolve) => {
    execFile('security', args, { env, timeout: patience }, (error, stdout, stderr) => {
      if (error === null) resolve({ type: 'secret', text: stdout.trim() });
      else if (error.code === notFound) resolve({ type: 'none' });
      else resolve({ type: 'refused', why: whyRefused(error, stderr) });
    });
  });
}

function whyRefused({ killed, code }: ExecFileException, stderr: string): string {
  if (killed === true) return `no answer within ${patience / 1000} s`;
  // `security: SecKeychainSearchCopyNext: User interaction is not allowed.`
  const said = stderr.trim().split('\n').at(-1)!;
  return printable(said.replace(/^security: (\w+: )?/, '')) || `security: ${code}`;
}
