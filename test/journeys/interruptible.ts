import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Outcome, World } from './world.ts';

/** A command that a person may interrupt. */
export interface Running {
  readonly said: () => string;
  readonly ended: Promise<Outcome>;
  /** What Ctrl-C does: a signal to everything that the terminal has in its foreground. */
  interrupt(): void;
}

/** Runs a command in a process group of its own, as a shell does for a person. */
export function begin(
  world: Pick<World, 'repository' | 'env'>,
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Running {
  const child = spawn(program, args, {
    cwd: world.repository,
    env: { ...world.env, ...env },
    detached: true,
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Outcome>((resolve) =>
    // git itself dies of the signal that it has passed on; a shell calls that 130, too.
    child.once('close', (code, signal) =>
      resolve({ code: code ?? 128 + constants.signals[signal!], stdout, stderr }),
    ),
  );
  // What has ended by itself can't be interrupted.
  const interrupt = () => void (child.exitCode ?? process.kill(-child.pid!, 'SIGINT'));
  return { said: () => stderr, ended, interrupt };
}
