import { execa } from 'execa';
import { interrupted, PaudeError } from '../../errors.ts';

export interface PodmanResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly signal: AbortSignal;
  readonly onLine?: (line: string) => void;
}

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
    run: async (args, { signal, onLine }) => {
      if (signal.aborted) throw interrupted();
      const child = execa(program, args, {
        env,
        extendEnv: false,
        // A process group of its own: a Ctrl-C is for us to handle, so that nothing is left half-made.
        detached: true,
        stdin: 'ignore',
        reject: false,
        cancelSignal: signal,
        stripFinalNewline: true,
      });
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
      if (result.isCanceled) throw interrupted();
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

export function podmanMissing(): PaudeError {
  return new PaudeError('BACKEND_MISSING', 'podman is not on the PATH', {
    hint: 'install it: apt-get install podman, dnf install podman, or brew install podman && podman machine init --now',
  });
}
