import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { interrupted } from '../../../errors.ts';
import type { Terminal } from '../../../session/backend.ts';
import { lost } from '../../../session/lost.ts';
import { argumentsFor, environmentFor, outcomeOf, type KubectlOptions } from './kubectl-exec.ts';
import type { ExecTarget } from './open-exec.ts';

/**
 * Runs a command on the user's terminal through `oc exec -it` or `kubectl exec -it`, which passes its size on, and gives
 * the command's exit code. Throws like `kubectlExec`; reconnecting is the caller's.
 */
export async function kubectlAttach(
  target: ExecTarget,
  { stdin, stdout, term }: Terminal,
  { program, env, context, signal, death }: KubectlOptions,
): Promise<number> {
  if (signal.aborted) throw interrupted();
  // The program does so itself, and undoes it, but not where it is killed.
  const wasRaw = stdin.isRaw;
  if (stdin.isTTY) stdin.setRawMode(true);
  const command = ['env', `TERM=${term}`, ...target.command];
  const child = spawn(program, argumentsFor({ ...target, command }, context, ['--stdin', '--tty']), {
    env: environmentFor(env),
    // A terminal has one stream for both: what comes on stderr is the program's own.
    stdio: [stdin, stdout, 'pipe'],
  });
  let gone: Error | undefined;
  const end = () => void child.kill('SIGKILL');
  void death?.().then(
    (error) => {
      gone = error;
      end();
    },
    () => undefined,
  );
  signal.addEventListener('abort', end, { once: true });
  const said = text(child.stderr);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (status) => resolve(status));
    });
    if (signal.aborted) throw interrupted();
    if (gone !== undefined) throw lost(target.session, gone.message, gone);
    const own = (await said).trim();
    if (code === null) throw lost(target.session, own || 'it was ended');
    return outcomeOf(target, code, own.split('\n').at(-1)!, own);
  } finally {
    signal.removeEventListener('abort', end);
    if (stdin.isTTY) stdin.setRawMode(wasRaw);
  }
}
