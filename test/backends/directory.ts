import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, link, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { claude } from '../../lib/agents/claude.ts';
import { childTunnel } from '../../lib/backends/child-tunnel.ts';
import { interrupted, PaudeError } from '../../lib/errors.ts';
import { agentFiles } from '../../lib/image/agent-files.ts';
import { sessionName, type SessionName } from '../../lib/names.ts';
import type { Backend } from '../../lib/session/backend.ts';
import type { Session, SessionSpec } from '../../lib/session/session.ts';
import type { Tunnel } from '../../lib/tunnel.ts';

const sources = fileURLToPath(new URL('../../lib/image/files/', import.meta.url));

export interface DirectoryBackend extends Backend {
  /** A session's volume. */
  volume(name: SessionName): string;
  /** Ends everything that runs in a session with KILL, as a container's death does. */
  kill(name: SessionName): Promise<void>;
}

/**
 * Sessions of plain folders and processes, for tests only: the session's own scripts, without containers, in
 * milliseconds. `running` is a file, so that several processes share the sessions of one root.
 */
export function directoryBackend(root: string): DirectoryBackend {
  const folder = (name: SessionName) => join(root, name);
  const volume = (name: SessionName) => join(folder(name), 'volume');
  const runFolder = (name: SessionName) => join(folder(name), 'run');
  const files = (name: SessionName) => join(folder(name), 'files');
  const ready = (name: SessionName) => join(runFolder(name), 'ready');
  const children = new Map<SessionName, Set<ChildProcess>>();

  const unknown = (name: SessionName) =>
    new PaudeError('SESSION_UNKNOWN', `there is no session ${name}`, { hint: `git paude create ${name}` });

  async function get(name: SessionName): Promise<Session | undefined> {
    const file = join(folder(name), 'session.json');
    if (!existsSync(file)) return undefined;
    const kept = JSON.parse(await readFile(file, 'utf8')) as {
      spec: SessionSpec;
      createdAt: string;
      started: boolean;
    };
    const state = existsSync(ready(name)) ? 'running' : kept.started ? 'stopped' : 'created';
    return {
      location: { backend: 'podman', name },
      description: kept.spec.description,
      image: kept.spec.image,
      state,
      owner: 'test',
      createdAt: new Date(kept.createdAt),
    };
  }

  async function kill(name: SessionName): Promise<void> {
    // What was in memory is out of reach at once: who runs a moment longer writes none of it anew.
    const gone = join(folder(name), `gone-${randomUUID()}`);
    await mkdir(gone, { recursive: true });
    for (const memory of [runFolder(name), join(folder(name), 'credentials'), join(folder(name), 'home')])
      await rename(memory, join(gone, basename(memory))).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
    await Promise.all([...(children.get(name) ?? [])].map(endGroup));
    await rm(gone, { recursive: true });
  }

  return {
    name: 'podman',
    volume,
    kill,
    whoami: async () => 'test',
    locate: (name) => ({ backend: 'podman', name }),
    check: async () => undefined,
    complete: async () => true,
    create: async (spec) => {
      await mkdir(volume(spec.name), { recursive: true });
      const kept = JSON.stringify({ spec, createdAt: new Date().toISOString(), started: false });
      // Whole or not at all, and of two creators the first one's.
      const draft = join(folder(spec.name), randomUUID());
      await writeFile(draft, kept);
      try {
        await link(draft, join(folder(spec.name), 'session.json'));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      } finally {
        await rm(draft);
      }
      return (await get(spec.name))!;
    },
    start: async function* (name) {
      const session = await get(name);
      if (session === undefined) throw unknown(name);
      yield { text: `starting the session ${name}`, begun: session.state !== 'running' };
      const file = join(folder(name), 'session.json');
      const kept = JSON.parse(await readFile(file, 'utf8')) as object;
      const draft = join(folder(name), randomUUID());
      await writeFile(draft, JSON.stringify({ ...kept, started: true }));
      await rename(draft, file);
      await mkdir(join(folder(name), 'home'), { recursive: true });
      await mkdir(runFolder(name), { recursive: true });
      await mkdir(join(folder(name), 'credentials'), { recursive: true });
      await layFiles(files(name));
      await writeFile(ready(name), '');
    },
    stop: async (name) => {
      if ((await get(name)) === undefined) throw unknown(name);
      await kill(name);
    },
    remove: async (name) => {
      await kill(name);
      await rm(folder(name), { recursive: true, force: true });
    },
    leftovers: async () => ({ objects: [], owner: undefined }),
    get,
    list: async () => {
      const names = existsSync(root) ? await readdir(root) : [];
      const sessions = await Promise.all(names.map((name) => get(sessionName(name))));
      return sessions.filter((session) => session !== undefined);
    },
    // Plain folders have no network of their own.
    changeRules: async () => ({ agent: [], allow: [], deny: [] }),
    openings: async () => ({ openings: [], renewed: [] }),
    open: async (name, command, signal): Promise<Tunnel> => {
      const session = await get(name);
      if (session === undefined) throw unknown(name);
      if (session.state !== 'running') {
        throw new PaudeError('SESSION_STOPPED', `the session ${name} is stopped`, {
          hint: `git paude start ${name}`,
        });
      }
      const [program, ...args] = command;
      const child = spawn(program!, args, {
        cwd: volume(name),
        env: {
          PATH: `${files(name)}:${process.env['PATH']}`,
          HOME: join(folder(name), 'home'),
          LANG: 'C.UTF-8',
          PAUDE_VOLUME: volume(name),
          PAUDE_RUN: runFolder(name),
          PAUDE_FILES: files(name),
          PAUDE_CREDENTIALS: join(folder(name), 'credentials'),
          PAUDE_SESSION: name,
          GIT_CONFIG_NOSYSTEM: '1',
        },
        stdio: ['pipe', 'pipe', 'pipe'],
        detached: true,
      });
      const running = children.get(name) ?? new Set();
      children.set(name, running.add(child));
      const exit = new Promise<number>((resolve, reject) => {
        child.once('error', reject);
        // As on every backend, an interrupt lets go of the command: the end of its input is all that it sees.
        const letGo = () => {
          child.unref();
          for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
          reject(interrupted());
        };
        signal.addEventListener('abort', letGo, { once: true });
        if (signal.aborted) letGo();
        child.once('close', (code, ended) => {
          running.delete(child);
          signal.removeEventListener('abort', letGo);
          if (code !== null) return resolve(code);
          if (existsSync(ready(name))) return resolve(128 + 9);
          reject(
            new PaudeError('SESSION_DIED', `the session ${name} ended while a command ran in it (${ended})`),
          );
        });
      });
      return childTunnel(child, child.stderr, exit);
    },
    attach: async () => {
      throw new PaudeError('NO_TERMINAL', 'sessions of plain folders have no terminal');
    },
  };
}

/** The files of the session's image: whole or not at all, and of two starts the first one's. */
async function layFiles(target: string): Promise<void> {
  if (existsSync(target)) return;
  const draft = `${target}-${randomUUID()}`;
  await cp(sources, draft, { recursive: true });
  for (const { path, content } of agentFiles(claude)) {
    const file = join(draft, path.replace(/^session\//, ''));
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }
  try {
    await rename(draft, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
    await rm(draft, { recursive: true });
  }
}

/** Ends a child and what it has begun, and waits until the child is gone. */
async function endGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  // It may have been let go of.
  child.ref();
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
  await exit;
}
