import type { Readable, Writable } from 'node:stream';

/**
 * The byte-exact streams of one command that runs in a session. Disposing it ends the command on both sides
 * and waits until nothing of it is left here, unless it was let go.
 */
export interface Tunnel extends AsyncDisposable {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** The command's exit code. Rejects with CONNECTION_LOST if the stream ends without a status. */
  readonly exit: Promise<number>;
  /** The command has said its last word and ends by itself: nobody reads any more, and nobody waits for it. */
  letGo(): void;
}
