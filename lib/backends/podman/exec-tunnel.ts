import { spawn } from 'node:child_process';
import { PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import type { Tunnel } from '../../tunnel.ts';
import { objectName } from './objects.ts';
import { podmanMissing, type Podman } from './podman.ts';
import { podmanError } from './podman-errors.ts';

/** What podman itself exits with: 125 its own failure, 255 a container that does not run (podman-exec(1)). */
const podmanFailed: ReadonlySet<number> = new Set([125, 126, 255]);

/** Runs a command in a session's container through `podman exec -i`; asks nothing first. */
export function execTunnel(
  podman: Podman,
  name: SessionName,
  command: readonly string[],
  isRunning: () => Promise<boolean>,
  signal: AbortSignal,
): Tunnel {
  const child = spawn(podman.program, ['exec', '--interactive', objectName(name), ...command], {
    env: podman.env,
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    signal,
  });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (complaint.length < 4096) complaint += chunk.toString('utf8');
  });
  child.stderr.pause();
  const exit = new Promise<number>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? podmanMissing() : error),
    );
    child.once('close', (code, ended) => {
      statusOf(code, ended).then(resolve, reject);
    });
  });
  // Who waits for it hears of it; who does not is not to be ended by it.
  exit.catch(() => undefined);

  async function statusOf(code: number | null, ended: NodeJS.Signals | null): Promise<number> {
    if (code === null) throw lost(`podman exec was ended by ${ended}`);
    const failed = /^Error: /m.test(complaint) && podmanFailed.has(code);
    if (failed) throw podmanError('run a command in it', name, complaint);
    // A container that dies under the command gives 137, or the command's streams just end.
    if (code >= 125 && !(await isRunning())) {
      throw new PaudeError('SESSION_DIED', `the session ${name} ended while a command ran in it`, {
        hint: `git paude start ${name}`,
      });
    }
    return code;
  }

  function lost(why: string): PaudeError {
    return new PaudeError('CONNECTION_LOST', `the connection to the session ${name} was lost: ${why}`, {
      hint: 'give the same command again',
    });
  }

  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    exit,
    async [Symbol.asyncDispose]() {
      // End of input ends the far side, and with it podman; a podman that does not see it is ended here.
      child.stdin.destroy();
      child.stdout.resume();
      child.stderr.resume();
      const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
      await exit.catch(() => undefined);
      clearTimeout(timer);
    },
  };
}
