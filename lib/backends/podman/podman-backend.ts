import { spawn } from 'node:child_process';
import { PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import type { Backend } from '../../session/backend.ts';
import type { Session } from '../../session/session.ts';
import { createObjects } from './create-objects.ts';
import { execTunnel } from './exec-tunnel.ts';
import { objectName } from './objects.ts';
import { podmanMissing, type Podman } from './podman.ts';
import { podmanError } from './podman-errors.ts';
import { removeObjects } from './remove-objects.ts';
import { findSession, findSessions, isRunning } from './query.ts';
import { startContainer } from './start-container.ts';

/** Sessions on Podman: a container, a volume and a network each. The volume's labels are the session's truth. */
export function podmanBackend(podman: Podman, owner: string): Backend {
  const get = (name: SessionName, signal: AbortSignal): Promise<Session | undefined> =>
    findSession(podman, name, signal);
  return {
    name: 'podman',
    locate: (name) => ({ backend: 'podman', name }),
    check: async (signal) => {
      const found = await podman.run(['version', '--format', 'json'], { signal });
      if (found.exitCode !== 0) throw podmanError('answer', '', found.stderr);
    },
    create: (spec, notice, signal) => createObjects(podman, spec, owner, notice, signal),
    start: (name, signal) => startContainer(podman, name, signal),
    stop: async (name, signal) => {
      const stopped = await podman.run(['stop', objectName(name)], { signal });
      if (stopped.exitCode === 0) return;
      const error = podmanError('stop it', name, stopped.stderr);
      // A pruned container does not run either.
      if (error.code === 'SESSION_UNKNOWN' && (await get(name, signal)) !== undefined) return;
      throw error;
    },
    remove: (name, signal) => removeObjects(podman, name, signal),
    get,
    list: (signal) => findSessions(podman, signal),
    open: async (name, command, signal) =>
      execTunnel(podman, name, command, () => isRunning(podman, name), signal),
    attach: (name, command, terminal) =>
      new Promise((resolve, reject) => {
        const term = ['--env', `TERM=${terminal.term}`];
        const args = ['exec', '--interactive', '--tty', ...term, objectName(name), ...command];
        const child = spawn(podman.program, args, {
          env: podman.env,
          stdio: [terminal.stdin, terminal.stdout, 'inherit'],
        });
        child.once('error', (error: NodeJS.ErrnoException) =>
          reject(error.code === 'ENOENT' ? podmanMissing() : error),
        );
        child.once('exit', (code, ended) => {
          if (code === 0) return resolve(0);
          isRunning(podman, name).then((running) => {
            if (running && code !== null) return resolve(code);
            const how = running ? `podman exec was ended by ${ended}` : 'the session ended';
            reject(
              new PaudeError('SESSION_DIED', `${how} while you were attached to ${name}`, {
                hint: `git paude connect ${name}`,
              }),
            );
          }, reject);
        });
      }),
  };
}
