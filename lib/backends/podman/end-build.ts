import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import type { Podman } from './podman.ts';

/** How long a build may take to end by itself once its step is ended; milliseconds. */
const patience = 6000;

/**
 * Ends a build that runs as this process. A podman build that gets a signal dies at once, and leaves its step running
 * and its container in the storage (seen with 4.3.1). So the step is ended: the build fails by that, and cleans up
 * after itself. What does not end so, such as the client of a Podman elsewhere, gets the signal after all.
 */
export async function endBuild(
  { program, env }: Pick<Podman, 'program' | 'env'>,
  pid: number,
  ended: Promise<unknown>,
): Promise<void> {
  const stopping = new AbortController();
  void ended.then(() => stopping.abort());
  const elsewhere = env['CONTAINER_HOST'] !== undefined;
  for (let waited = 0; waited < patience && !elsewhere && !stopping.signal.aborted; waited += 100) {
    for (const step of await stepsOf(pid)) await kill(program, env, step);
    await wait(100, undefined, { signal: stopping.signal }).catch(() => undefined);
  }
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (stopping.signal.aborted) return;
    send(signal, pid);
    await wait(2000, undefined, { signal: stopping.signal }).catch(() => undefined);
  }
}

interface Row {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
}

/** The first processes of what a build runs: the nearest descendants that lead a session of their own. */
async function stepsOf(build: number): Promise<readonly number[]> {
  const names = await readdir('/proc').catch(() => []);
  const rows = (await Promise.all(names.filter((name) => /^\d+$/.test(name)).map(row))).flatMap(
    (found) => found ?? [],
  );
  const children = (parent: number): readonly number[] =>
    rows
      .filter((one) => one.parent === parent)
      .flatMap((one) => (one.session === one.pid ? [one.pid] : children(one.pid)));
  return children(build);
}

/** proc(5), /proc/PID/stat: `PID (NAME) STATE PARENT GROUP SESSION …`; a name may have anything in it. */
async function row(name: string): Promise<Row | undefined> {
  const text = await readFile(`/proc/${name}/stat`, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const [, parent, , session] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { pid: Number(name), parent: Number(parent), session: Number(session) };
}

/** Without root, a step may run as a user that only Podman's own namespace may send signals to. */
async function kill(program: string, env: NodeJS.ProcessEnv, pid: number): Promise<void> {
  if (send('SIGKILL', pid) !== 'EPERM') return;
  const { execa } = await import('execa');
  const args = ['unshare', 'kill', '-KILL', String(pid)];
  await execa(program, args, { env, extendEnv: false, reject: false, stdio: 'ignore' });
}

function send(signal: NodeJS.Signals, pid: number): string | undefined {
  try {
    process.kill(pid, signal);
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}
