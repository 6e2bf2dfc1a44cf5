import { Readable, Writable } from 'node:stream';
import type WebSocket from 'ws';
import { emptyFrame, endOfStdin, fillFrame } from './channels.ts';

/** What may wait in memory on its way to the server; bytes. */
const unsentLimit = 1024 * 1024;
/** What may wait in memory for its reader, in each of stdout and stderr; bytes. */
const unreadLimit = 256 * 1024;

/** The command's stdin. Takes more only while less than 1 MiB waits to be sent. */
export function stdinOf(ws: WebSocket, lost: (error: Error) => void): Writable {
  let wake: (() => void) | undefined;
  const sent = (error?: Error | null) => {
    if (error) lost(error);
    if (error || ws.bufferedAmount < unsentLimit) wake?.();
  };
  const room = async () => {
    while (ws.readyState === ws.OPEN && ws.bufferedAmount >= unsentLimit) {
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  // Used again and again: new ones would be as much memory as there is data, until the next collection of garbage.
  const free: Buffer[] = [];
  const send = async (chunk: Buffer) => {
    for (let at = 0; at < chunk.length;) {
      await room();
      // The command may have ended meanwhile; what it left unread is nobody's loss.
      if (ws.readyState !== ws.OPEN) return;
      const frame = free.pop() ?? emptyFrame();
      const message = fillFrame(frame, chunk, at);
      at += message.length - 1;
      ws.send(message, (error) => {
        free.push(frame);
        sent(error);
      });
    }
    await room();
  };
  const sendEnd = async () => {
    await room();
    if (ws.readyState === ws.OPEN) ws.send(endOfStdin, sent);
    await room();
  };
  ws.once('close', () => wake?.());
  return new Writable({
    decodeStrings: true,
    highWaterMark: unreadLimit,
    write: (chunk: Buffer, _, done) => void send(chunk).then(() => done(), done),
    final: (done) => void sendEnd().then(() => done(), done),
  });
}

/** What the server sends, for two readers; it is read no further while one of them has too much before it. */
export class Inbound {
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly #ws: WebSocket;
  readonly #full = new Set<Readable>();

  constructor(ws: WebSocket) {
    this.#ws = ws;
    this.stdout = this.#stream();
    this.stderr = this.#stream();
  }

  /** Its silence is ours: nothing is being read. */
  get isPaused(): boolean {
    return this.#full.size > 0;
  }

  push(stream: Readable, bytes: Buffer): void {
    // Who has closed a stream wants no more of it; the other goes on.
    if (stream.destroyed || stream.push(bytes)) return;
    this.#full.add(stream);
    this.#ws.pause();
  }

  #resume(stream: Readable): void {
    if (this.#full.delete(stream) && this.#full.size === 0) this.#ws.resume();
  }

  #stream(): Readable {
    const stream: Readable = new Readable({
      highWaterMark: unreadLimit,
      read: () => this.#resume(stream),
      destroy: (error, done) => {
        this.#resume(stream);
        done(error);
      },
    });
    return stream;
  }
}
