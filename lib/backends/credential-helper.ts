import { execa } from 'execa';
import { interrupted, PaudeError } from '../errors.ts';

/**
 * Asks one of Docker's credential helpers, `docker-credential-NAME get`, for a registry's login: the registry goes in
 * on standard input, the login comes out on standard output. Undefined where the helper has none.
 */
export async function askHelper(
  name: string,
  registry: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<string | undefined> {
  const program = `docker-credential-${name}`;
  if (!/^[\w.-]+$/.test(name)) throw helperError(program, 'its name is not one');
  const result = await execa(program, ['get'], {
    env,
    extendEnv: false,
    input: registry,
    detached: true,
    reject: false,
    cancelSignal: signal,
  });
  if (result.isCanceled) throw interrupted();
  if (result.exitCode === 0) return result.stdout;
  if (/credentials not found/i.test(`${result.stdout}${result.stderr}`)) return undefined;
  throw helperError(
    program,
    result.code === 'ENOENT' ? 'it is not on the PATH' : (result.stderr || result.stdout).trim(),
  );
}

function helperError(program: string, why: string): PaudeError {
  return new PaudeError('CONFIG_INVALID', `the credential helper ${program} gave no login: ${why}`, {
    hint: 'podman login REGISTRY, or mend credHelpers in the file that names it',
  });
}
