import type { Readable, Writable } from 'node:stream';
import { interrupted, PaudeError } from '../errors.ts';
import type { SessionName } from '../names.ts';
import { lost } from '../session/lost.ts';
import { pump, say } from '../transport/pump.ts';
import type { Tunnel } from '../tunnel.ts';
import { follow } from './conversation.ts';
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
  const isWhole = watchForEnd(git, tunnel, service);
  const sawFullDisk = watchForFullDisk(tunnel, service);
  const conversation = follow(service, git.stdin, tunnel.stdout);
  const spoken = conversation.spoken.then(() => 'spoken' as const);
  const up = pump(git.stdin, tunnel.stdin, { end: false });
  void Promise.all([up, conversation.mayEnd]).then(() => tunnel.stdin.end());
  const down = pump(tunnel.stdout, git.stdout, { end: false });
  const talk = pump(tunnel.stderr, git.stderr, { end: false });
  const gitGone = down.then((end) => (end === 'refused' ? ('gone' as const) : new Promise<never>(() => {})));
  try {
    const code = await Promise.race([tunnel.exit, gitGone, spoken, aborted(signal)]);
    if (code === 'gone') return { exitCode: 0 };
    const isOver = code === 'spoken';
    await (isOver ? say(git.stdout, '') : Promise.all([down, talk]));
    const full = sawFullDisk() ? { trouble: diskFull(name) } : {};
    if (isOver) {
      tunnel.letGo();
      return { exitCode: 0, ...full };
    }
    if (isWhole() || (await down) === 'refused') return { exitCode: 0, ...full };
    const trouble = endedEarly(name, service, code);
    // git hears of all that a service complains of itself, but not of one that was killed or cut off.
    const isTold = git.stdin.readableEnded && service !== 'git-receive-pack' && code > 0 && code <= 128;
    return { exitCode: git.stdin.readableEnded ? 0 : 1, ...(isTold ? {} : { trouble }), ...full };
  } catch (error) {
    if (!(error instanceof PaudeError) || signal.aborted) throw error;
    await Promise.race([Promise.all([down, talk]), after(flushTime)]);
    return { exitCode: git.stdin.readableEnded ? 0 : 1, trouble: error };
  }
}

/**
 * Whether a service has said all that it was asked for: its last packet is then a flush (gitprotocol-common(5)). A push
 * ends with its report, and one with nothing to do asks for none. A kubelet that dies makes a good end of any middle.
 */
function watchForEnd(git: GitStreams, tunnel: Tunnel, service: Service): () => boolean {
  let [asked, answered, last] = [0, 0, Buffer.alloc(0)];
  git.stdin.on('data', (chunk: Buffer) => (asked += chunk.length));
  tunnel.stdout.on('data', (chunk: Buffer) => {
    if (asked > 0) answered += chunk.length;
    last = Buffer.concat([last, chunk.subarray(-flush.length)]).subarray(-flush.length);
  });
  const isPush = service === 'git-receive-pack';
  return () => (isPush && asked === flush.length) || (last.equals(flush) && (!isPush || answered > 0));
}

const flush = Buffer.from('0000');

function endedEarly(name: SessionName, service: Service, code: number): PaudeError {
  if (code === 0) return lost(name, `${service} was cut off in the middle`);
  return new PaudeError('SESSION_FAILED', `${service} in the session ${name} ended with ${code}`, {
    hint: 'give the same command again',
  });
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
