import type { Readable } from 'node:stream';
import { deferred } from '../waiting.ts';
import type { Service } from './protocol.ts';

/** How a service that speaks protocol v2 begins (gitprotocol-v2(5)). */
const version2 = '000eversion 2\n';

/** An upload-pack that still has something to say says it sooner (git-config(1), uploadpack.keepAlive); milliseconds. */
const silence = 15_000;

export interface Conversation {
  /**
   * The service has said its last word, and git has closed its side: nobody need wait for the service's own end then, of
   * which one hears late where it is a command in a container or a pod. Where that can't be known (`upload-archive`,
   * protocol v0, a push without sideband), never.
   */
  readonly spoken: Promise<void>;
  /**
   * That git has closed its side may be passed on. It does so when it has asked for a pack, which is still to come
   * (fetch-pack.c, protocol v2); a service that knows ends with the pack's last byte, and what a command says right
   * before its end may be lost on the way (kubernetes/kubernetes#60140). One that does not know waits for us.
   */
  readonly mayEnd: Promise<void>;
}

/** Follows what git and a service say to each other. */
export function follow(service: Service, git: Readable, far: Readable): Conversation {
  const [asked, answered] = [new Packets(), new Packets()];
  let isClosed = false;
  let timer: NodeJS.Timeout | undefined;
  const [spoken, mayEnd] = [deferred(), deferred()];
  const look = () => {
    clearTimeout(timer);
    if (!isClosed) return;
    if (isOver(service, asked, answered)) spoken.resolve();
    else if (speaksVersion2(service, answered) && asked.flushes > 0) {
      timer = setTimeout(mayEnd.resolve, silence).unref();
      return;
    }
    mayEnd.resolve();
  };
  git.on('data', (chunk: Buffer) => asked.take(chunk));
  git.once('end', () => {
    isClosed = true;
    look();
  });
  far.on('data', (chunk: Buffer) => {
    answered.take(chunk);
    look();
  });
  return { spoken: spoken.promise, mayEnd: mayEnd.promise };
}

function speaksVersion2(service: Service, answered: Packets): boolean {
  return service === 'git-upload-pack' && answered.beginning === version2;
}

function isOver(service: Service, asked: Packets, answered: Packets): boolean {
  if (service === 'git-receive-pack') {
    // Nothing to do, or the report, and after it what the hooks have said, in the sideband.
    return asked.isJustAFlush || (answered.flushes > 1 && answered.isAtFlush && answered.isSideband);
  }
  // Each command ends with a flush, and so does what is said to it; before them all comes what can be asked for.
  return (
    speaksVersion2(service, answered) &&
    asked.isAtFlush &&
    answered.isAtFlush &&
    answered.flushes === asked.flushes + 1
  );
}

/** Counts one side's packets (gitprotocol-common(5)) up to what is none, such as a pack. */
export class Packets {
  flushes = 0;
  /** Its first bytes, at most as many as `version2` has. */
  beginning = '';
  /** A flush is the last thing that was said. */
  isAtFlush = false;
  /** The last packet that carried anything was of the sideband (gitprotocol-pack(5)). */
  isSideband = false;
  #header = '';
  /** What is still to come of a packet; bytes. */
  #left = 0;
  /** None of its bytes has come yet. */
  #isFresh = false;
  /** From here on it is no packets. */
  #isLost = false;

  get isJustAFlush(): boolean {
    return this.isAtFlush && this.beginning === '0000';
  }

  take(chunk: Buffer): void {
    this.beginning += chunk.toString('latin1', 0, version2.length - this.beginning.length);
    for (let at = 0; at < chunk.length && !this.#isLost;) {
      if (this.#left === 0) {
        const part = chunk.toString('latin1', at, at + 4 - this.#header.length);
        this.#header += part;
        at += part.length;
        if (this.#header.length === 4) this.#begin();
        continue;
      }
      if (this.#isFresh) this.isSideband = chunk[at]! >= 1 && chunk[at]! <= 3;
      this.#isFresh = false;
      const skipped = Math.min(this.#left, chunk.length - at);
      this.#left -= skipped;
      at += skipped;
    }
  }

  #begin(): void {
    this.#isLost = !/^[0-9a-f]{4}$/.test(this.#header);
    const length = Number.parseInt(this.#header, 16);
    this.#header = '';
    this.isAtFlush = length === 0;
    if (this.isAtFlush) this.flushes++;
    this.#left = this.#isLost ? 0 : Math.max(0, length - 4);
    this.#isFresh = this.#left > 0;
  }
}
