import { randomUUID } from 'node:crypto';
import { PassThrough, Transform, type Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { interrupted } from '../errors.ts';
import type { SessionName } from '../names.ts';
import type { Backend } from './backend.ts';
import { takeLease } from './lease.ts';
import { lost } from './lost.ts';
import { unproved } from './unproved.ts';

export interface Streams {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/**
 * Runs a command in a running session, its streams byte for byte, and gives its exit code. When this process is
 * interrupted or dies, the command is ended. What it did not take of stdin is left there. Throws SESSION_STOPPED,
 * SESSION_UNKNOWN, SESSION_DIED, CONNECTION_LOST, also where it ended well and not all that it said has come or where it
 * was ended with its lease, and NETWORK_UNPROVED where the session refuses to begin it.
 */
export async function execInSession(
  backend: Backend,
  name: SessionName,
  command: readonly string[],
  streams: Streams,
  signal: AbortSignal,
): Promise<number> {
  const id = randomUUID();
  const opening = backend.open(name, ['paude-session', 'run', id, '--', ...command], signal);
  // Beside it. Where no lease can be had the command mostly can't run either, and its own error says why.
  const lease = takeLease(backend, name, id, signal).catch(() => undefined);
  const endLease = async () => (await lease)?.[Symbol.asyncDispose]();
  await using tunnel = await opening.catch(async (error: unknown) => {
    await endLease();
    throw error;
  });
  const fed = new PassThrough();
  streams.stdin.once('error', (error) => fed.destroy(error)).pipe(fed);
  const keepTheRest = () => {
    streams.stdin.unpipe(fed);
    fed.end();
  };
  const feeding = pipeline(fed, tunnel.stdin).catch(ignoreClosedPipe);
  let isRefused = false;
  const word = (text: string) => Buffer.from(`\x1e${id} paude ${text}\n`);
  const isUnproved = async () => void (isRefused = true);
  // The command is over, and waits for its lease to be given back, which says that all has come.
  let unheard = 2;
  const isOver = async () => {
    if (--unheard > 0) return;
    keepTheRest();
    // One that could not be had, or has died meanwhile, is of no use for that.
    if ((await (await lease)?.giveBack()) !== true)
      await (await takeLease(backend, name, id, signal)).giveBack();
  };
  try {
    const [code] = await Promise.all([
      tunnel.exit,
      pipeline(tunnel.stdout, withoutWord(word('over'), isOver), streams.stdout, { end: false }),
      pipeline(
        tunnel.stderr,
        withoutWord(word('unproved'), isUnproved),
        withoutWord(word('over'), isOver),
        streams.stderr,
        { end: false },
      ),
    ]);
    const held = await lease;
    await held?.giveBack();
    if (isRefused) throw unproved(name);
    // One that failed says so itself.
    if (code === 0 && unheard > 0) throw lost(name, 'not all that the command said has come');
    if (held?.isLost() === true && byLease.has(code)) throw lost(name, 'the command was ended with it');
    return code;
  } catch (error) {
    throw signal.aborted ? interrupted() : error;
  } finally {
    keepTheRest();
    fed.destroy();
    await feeding;
    await endLease();
  }
}

/** The exit codes of what the end of its lease has ended: by TERM, or by KILL. */
const byLease: ReadonlySet<number> = new Set([143, 137]);

/** How long what may be the beginning of a word is held back where nothing follows; milliseconds. */
const patience = 100;
/** From so many bytes on it can be nothing else: the id that it begins with is random. */
const certain = 9;

/**
 * Passes on what is said, but for a word of the session's own, which is told when all before it has come. What may be its
 * beginning waits but a moment for the rest: who reads that may have to answer before more is said.
 */
function withoutWord(word: Buffer, tell: () => Promise<void>): Transform {
  // From where the word may begin, and how much of that was passed on.
  let held: Buffer = Buffer.alloc(0);
  let passed = 0;
  let timer: NodeJS.Timeout | undefined;
  const pass = (end: number) => {
    if (end <= passed) return;
    stream.push(held.subarray(passed, end));
    passed = end;
  };
  const drop = (end: number) => {
    held = held.subarray(end);
    passed = Math.max(0, passed - end);
  };
  const take = async (chunk: Buffer) => {
    clearTimeout(timer);
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    const at = held.indexOf(word);
    if (at >= 0) {
      pass(at);
      await tell();
      // A program that it has left running may say more.
      drop(at + word.length);
    }
    const begun = beginningAtEnd(held, word);
    pass(begun);
    drop(begun);
    if (passed < held.length && held.length < certain) timer = setTimeout(() => pass(held.length), patience);
  };
  const stream = new Transform({
    transform: (chunk: Buffer, _, done) => void take(chunk).then(() => done(), done),
    flush(done) {
      pass(held.length);
      done();
    },
    destroy(error, done) {
      clearTimeout(timer);
      done(error);
    },
  });
  return stream;
}

/** Where in the last of some bytes a word may begin that is not all there; their length where it does not. */
function beginningAtEnd(bytes: Buffer, word: Buffer): number {
  let at = bytes.indexOf(word[0]!, Math.max(0, bytes.length - word.length + 1));
  while (at >= 0 && !word.subarray(0, bytes.length - at).equals(bytes.subarray(at)))
    at = bytes.indexOf(word[0]!, at + 1);
  return at < 0 ? bytes.length : at;
}

/** A command may end before it has read all its input, as in `yes | git paude exec NAME -- head -1`. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_PREMATURE_CLOSE' && error.name !== 'AbortError')
    throw error;
}
