import { spawn } from 'node:child_process';
import { Transform } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { interrupted, PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import { lost } from '../../session/lost.ts';
import type { Tunnel } from '../../tunnel.ts';
import { childTunnel } from '../child-tunnel.ts';
import { podmanMissing, type Podman } from './podman.ts';
import { isPodmans, podmanError } from './podman-errors.ts';

/** How long podman may take from its complaint to its end; milliseconds. */
const lastWords = 500;
/** The exit code of a command that got KILL: by hand, for want of memory, or with its whole container. */
const killed = 137;
/** How podman's own complaints begin; a podman without its service says the second, and then the first. */
const complaintBegins = /^(Error: |Cannot connect to Podman)/;
/** No complaint is longer; bytes. */
const longestComplaint = 65_536;

/** Runs a command in a container of a session's through `podman exec -i`; asks nothing first. */
export function execTunnel(
  podman: Podman,
  name: SessionName,
  container: string,
  command: readonly string[],
  isRunning: () => Promise<boolean>,
  signal: AbortSignal,
): Tunnel {
  const args = ['exec', '--interactive', container, ...command];
  return podmanTunnel(podman, name, args, isRunning, signal);
}

/**
 * The streams of a command that podman runs for a session, here or in a container of its own. `patience`, in
 * milliseconds, is for one that podman must not be killed under: an interrupt only ends its input.
 */
export function podmanTunnel(
  podman: Podman,
  name: SessionName,
  args: readonly string[],
  isRunning: () => Promise<boolean>,
  signal: AbortSignal,
  patience?: number,
): Tunnel {
  if (signal.aborted) throw interrupted();
  const child = spawn(podman.program, args, {
    env: podman.env,
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    ...(patience === undefined ? { signal } : {}),
  });
  if (patience !== undefined) {
    const end = () => child.stdin.destroy();
    signal.addEventListener('abort', end, { once: true });
    child.once('close', () => signal.removeEventListener('abort', end));
  }
  const ended = new Promise<number | null>((resolve) => {
    child.once('exit', resolve).once('error', () => resolve(null));
  });
  const stderr = withoutComplaint(ended);
  child.stderr.pipe(stderr.stream);
  const exit = new Promise<number>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? podmanMissing() : error),
    );
    child.once('close', (code, signalled) => {
      statusOf(code, signalled).then(resolve, reject);
    });
  });

  async function statusOf(code: number | null, signalled: NodeJS.Signals | null): Promise<number> {
    if (signal.aborted) throw interrupted();
    if (code === null) throw lost(name, `podman exec was ended by ${signalled}`);
    const complaint = await stderr.complaint;
    const error = complaint === undefined ? undefined : podmanError('run a command in it', name, complaint);
    if (error !== undefined && error.code !== 'BACKEND_FAILED') throw error;
    // A container that dies under the command gives 137, or the command's streams just end, or podman finds no trace
    // of the command any more.
    if (code >= 125 && (await hasEnded(code))) {
      throw new PaudeError('SESSION_DIED', `the session ${name} ended while a command ran in it`, {
        hint: `git paude start ${name}`,
        cause: error,
      });
    }
    if (error !== undefined) throw error;
    return code;
  }

  /** Of a container that is killed, its first process is the last one to be gone. */
  async function hasEnded(code: number): Promise<boolean> {
    for (let tries = code === killed ? 10 : 1; tries > 0; tries--) {
      if (!(await isRunning())) return true;
      if (tries > 1) await wait(200);
    }
    return false;
  }

  return childTunnel(child, stderr.stream, exit, patience);
}

/**
 * What podman itself complains about is the error's to tell, and not the command's standard error: it comes first
 * and alone, right before the end. A command that begins in the same words is heard a moment later.
 */
function withoutComplaint(ended: Promise<number | null>): {
  readonly stream: Transform;
  readonly complaint: Promise<string | undefined>;
} {
  let held: Buffer | undefined;
  let begun = false;
  let timer: NodeJS.Timeout | undefined;
  let allSaid = () => {};
  const saying = new Promise<void>((resolve) => (allSaid = resolve));
  const release = () => {
    clearTimeout(timer);
    if (held !== undefined) stream.push(held);
    held = undefined;
  };
  const stream = new Transform({
    transform(chunk: Buffer, _, done) {
      const suspect = !begun && complaintBegins.test(chunk.subarray(0, 40).toString());
      begun = true;
      if (held !== undefined) held = Buffer.concat([held, chunk]);
      else if (!suspect) return done(null, chunk);
      else {
        held = chunk;
        timer = setTimeout(release, lastWords);
      }
      if (held.length > longestComplaint) release();
      done();
    },
    flush(done) {
      allSaid();
      void complaint.then((said) => {
        if (said !== undefined) held = undefined;
        release();
        done();
      });
    },
  });
  const complaint = Promise.all([ended, saying]).then(([code]) => {
    const said = held?.toString('utf8');
    return said !== undefined && code !== null && isPodmans(said, code) ? said : undefined;
  });
  return { stream, complaint };
}
