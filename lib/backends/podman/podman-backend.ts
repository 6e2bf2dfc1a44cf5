import { spawn } from 'node:child_process';
import { isPaudeError, PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import type { Backend } from '../../session/backend.ts';
import type { Session } from '../../session/session.ts';
import { createObjects } from './create-objects.ts';
import { execTunnel } from './exec-tunnel.ts';
import { changeRules } from './change-rules.ts';
import { canLimit } from './limits.ts';
import { openWriter } from './open-writer.ts';
import { objectName, proxyName } from './objects.ts';
import { podmanMissing, type Podman } from './podman.ts';
import { leftObjects, removeObjects } from './remove-objects.ts';
import { findSession, findSessions, isRunning } from './query.ts';
import { startContainer, stopContainers } from './start-container.ts';

/** Sessions on Podman: a container, a volume, a network and a proxy each. The volume's labels are the session's truth. */
export function podmanBackend(podman: Podman, owner: string): Backend {
  /** The images of the sessions that were asked for: a writer need not ask again. */
  const images = new Map<SessionName, string>();
  const get = async (name: SessionName, signal: AbortSignal): Promise<Session | undefined> => {
    const session = await findSession(podman, name, signal);
    if (session?.state === 'running') images.set(name, session.image);
    return session;
  };
  return {
    name: 'podman',
    locate: (name) => ({ backend: 'podman', name }),
    whoami: async () => owner,
    check: async (signal) =>
      void (await Promise.all([canLimit(podman, signal), podman.run(['--version'], { signal })])),
    create: (spec, notice, signal) => createObjects(podman, spec, owner, notice, signal),
    // Its start makes again what was pruned.
    complete: async () => true,
    start: async function* (name, signal, options) {
      const session = yield* startContainer(podman, name, signal, options);
      images.set(name, session.image);
    },
    stop: async (name, signal) => {
      await stopContainers(podman, name, signal).catch(async (error: unknown) => {
        // A pruned container does not run either.
        if (isPaudeError(error, 'SESSION_UNKNOWN') && (await get(name, signal)) !== undefined) return;
        throw error;
      });
    },
    remove: (name, signal) => removeObjects(podman, name, signal),
    leftovers: (name, signal) => leftObjects(podman, name, signal),
    get,
    list: (signal) => findSessions(podman, signal),
    open: async (name, command, signal, role) => {
      if (role === 'credentials') return openWriter(podman, name, images.get(name), command, signal);
      const container = role === 'proxy' ? proxyName(name) : objectName(name);
      return execTunnel(podman, name, container, command, () => isRunning(podman, container), signal);
    },
    changeRules: (name, change, signal) => changeRules(podman, name, change, signal),
    // Nobody but us adds to a network that is a session's own.
    openings: async () => ({ openings: [], renewed: [] }),
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
          isRunning(podman, objectName(name)).then((running) => {
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
