import type { Readable, Writable } from 'node:stream';
import { interrupted, PaudeError } from '../errors.ts';
import type { SessionName } from '../names.ts';
import { pump } from '../transport/pump.ts';
import type { Tunnel } from '../tunnel.ts';
import type { Service } from './protocol.ts';

export interface GitStreams {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

export interface TransferEnd {
  readonly exitCode: 0 | 1;
  /** What git can't know by itself, where the far side did not end well. */
  readonly trouble?: PaudeError;
}

/** How long the last bytes of a connection that broke may take to reach git. */
const flushTime = 1000;

/**
 * Joins git's streams to the service's until it ends. Once git has closed its side it judges by what the service
 * told it: our exit code must then be 0, for any other would undo in git's eyes a push that has landed, and make
 * a clone delete itself. Before that, a far side that ended badly must end us too, or git waits for ever.
 */
export async function transfer(
  git: GitStreams,
  tunnel: Tunnel,
  { name, service }: { readonly name: SessionName; readonly service: Service },
  signal: AbortSignal,
): Promise<TransferEnd> {
  const sawFullDisk = watchForFullDisk(tunnel, service);
  void pump(git.stdin, tunnel.stdin, { end: true });
  const down = pump(tunnel.stdout, git.stdout, { end: false });
  const talk = pump(tunnel.stderr, git.stderr, { end: false });
  const gitGone = down.then((end) => (end === 'refused' ? ('gone' as const) : new Promise<never>(() => {})));
  try {
    const code = await Promise.race([tunnel.exit, gitGone, aborted(signal)]);
    if (code === 'gone') return { exitCode: 0 };
    await Promise.all([down, talk]);
    const full = sawFullDisk() ? { trouble: diskFull(name) } : {};
    if (code === 0) return { exitCode: 0, ...full };
    if ((await down) === 'refused') return { exitCode: 0 };
    const ended = new PaudeError('SESSION_FAILED', `${service} in the session ${name} ended with ${code}`);
    if (git.stdin.readableEnded) return { exitCode: 0, ...full };
    return { exitCode: 1, trouble: ended, ...full };
  } catch (error) {
    if (!(error instanceof PaudeError) || signal.aborted) throw error;
    await Promise.race([Promise.all([down, talk]), after(flushTime)]);
    return { exitCode: git.stdin.readableEnded ? 0 : 1, trouble: error };
  }
}

/** A full disk is told in git's own report, somewhere in the sideband; the way out of it is not. */
function watchForFullDisk(tunnel: Tunnel, service: Service): () => boolean {
  let seen = false;
  if (service === 'git-receive-pack') {
    const look = (chunk: Buffer) => (seen ||= chunk.includes('No space left on device'));
    tunnel.stdout.on('data', look);
    tunnel.stderr.on('data', look);
  }
  return () => seen;
}

function diskFull(name: SessionName): PaudeError {
  return new PaudeError('DISK_FULL', `the disk of the session ${name} is full`, {
    hint: `git paude connect ${name}, and remove what is not needed`,
  });
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(interrupted());
    signal.addEventListener('abort', () => reject(interrupted()), { once: true });
  });
}

function after(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
