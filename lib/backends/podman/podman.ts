import { interrupted, PaudeError } from '../../errors.ts';
import { endBuild } from './end-build.ts';

export interface PodmanResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly signal: AbortSignal;
  readonly onLine?: (line: string) => void;
  /** A folder for what it needs only on the way (podman(1), TMPDIR). */
  readonly temporary?: string;
}

/** Podman's verbs that change an object. They are short. */
const changes = new Set(['create', 'run', 'start', 'stop', 'rm', 'network', 'volume']);
/** How long one of these may go on after an interrupt; milliseconds. Podman itself gives a container 10 s to stop. */
const toItsEnd = 15_000;

/** Runs the podman of the user's PATH. Its own options (CONTAINER_HOST, …) come from the environment. */
export interface Podman {
  readonly program: string;
  readonly env: NodeJS.ProcessEnv;
  /** To its end, whatever the exit code. Throws BACKEND_MISSING, INTERRUPTED. */
  run(args: readonly string[], options: RunOptions): Promise<PodmanResult>;
}

export function podmanProgram(env: NodeJS.ProcessEnv, program = 'podman'): Podman {
  return {
    program,
    env,
    run: async (args, { signal, onLine, temporary }) => {
      if (signal.aborted) throw interrupted();
      // A tunnel needs none of it, and it takes its time to load.
      const { execa } = await import('execa');
      const isBuild = args[0] === 'build';
      // Killed in its middle, a podman start leaves a container that neither runs nor can be started.
      const isChange = changes.has(args[0] ?? '');
      const child = execa(program, args, {
        env: temporary === undefined ? env : { ...env, TMPDIR: temporary },
        extendEnv: false,
        // A process group of its own: a Ctrl-C is for us to handle, so that nothing is left half-made.
        detached: true,
        stdin: 'ignore',
        reject: false,
        ...(isBuild || isChange ? {} : { cancelSignal: signal }),
        stripFinalNewline: true,
      });
      if (isBuild) onceAborted(signal, child, (pid) => void endBuild({ program, env }, pid, child));
      if (isChange) onceAborted(signal, child, () => void setTimeout(() => child.kill(), toItsEnd).unref());
      if (onLine !== undefined) {
        const each = async (lines: AsyncIterable<string>) => {
          for await (const line of lines) onLine(line);
        };
        await Promise.all([
          each(child.iterable({ from: 'stdout' })),
          each(child.iterable({ from: 'stderr' })),
        ]);
      }
      const result = await child;
      if (signal.aborted) throw interrupted();
      if (result.code === 'ENOENT') throw podmanMissing();
      if (result.exitCode === undefined) {
        throw new PaudeError(
          'BACKEND_FAILED',
          `podman ${args[0]} was ended by ${result.signal ?? 'something'}`,
          {
            cause: result,
          },
        );
      }
      return { exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr };
    },
  };
}

/** Has a program ended in a way of its own, if it still runs when the user interrupts. */
function onceAborted(
  signal: AbortSignal,
  child: Promise<unknown> & { readonly pid?: number | undefined },
  end: (pid: number) => void,
): void {
  const { pid } = child;
  if (pid === undefined) return;
  const listener = () => end(pid);
  signal.addEventListener('abort', listener, { once: true });
  void child.finally(() => signal.removeEventListener('abort', listener));
}

export function podmanMissing(): PaudeError {
  return new PaudeError('BACKEND_MISSING', 'podman is not on the PATH', {
    hint: 'install it: apt-get install podman, dnf install podman, or brew install podman && podman machine init --now',
  });
}
