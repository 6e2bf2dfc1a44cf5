import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Tunnel } from '../tunnel.ts';

/** How long a program whose input has ended usually may take to end by itself; milliseconds. */
const usualPatience = 3000;

/** A program on this machine that carries a command's streams: podman, kubectl, oc. */
export interface Carrier extends Pick<ChildProcess, 'unref'> {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  kill(signal: 'SIGKILL'): boolean;
}

/** The tunnel that a program carries. `stderr` is what of its standard error is the command's. */
export function childTunnel(
  child: Carrier,
  stderr: Readable,
  exit: Promise<number>,
  patience = usualPatience,
): Tunnel {
  // Who waits for it hears of it; who does not is not to be ended by it.
  exit.catch(() => undefined);
  let isLetGo = false;
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr,
    exit,
    letGo() {
      isLetGo = true;
      child.unref();
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
    },
    async [Symbol.asyncDispose]() {
      if (isLetGo) return;
      // End of input ends the far side, and with it the program; one that does not see it is ended here.
      child.stdin.destroy();
      child.stdout.resume();
      stderr.resume();
      const timer = setTimeout(() => child.kill('SIGKILL'), patience);
      await exit.catch(() => undefined);
      clearTimeout(timer);
    },
  };
}
