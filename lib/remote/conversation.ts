import type { Readable } from 'node:stream';
import type { Service } from './protocol.ts';

/** How a service that speaks protocol v2 begins (gitprotocol-v2(5)). */
const version2 = '000eversion 2\n';

/**
 * Follows what git and a service say to each other, and ends when the service has said its last word and git has
 * closed its side: nobody need wait for the service's own end then, of which one hears late where it is a command in a
 * container or a pod. Where that can't be known (`upload-archive`, protocol v0, a push without sideband), never.
 */
export function lastWord(service: Service, git: Readable, far: Readable): Promise<void> {
  const [asked, answered] = [new Packets(), new Packets()];
  let isClosed = false;
  return new Promise((resolve) => {
    const look = () => void (isClosed && isOver(service, asked, answered) && resolve());
    git.on('data', (chunk: Buffer) => asked.take(chunk));
    git.once('end', () => {
      isClosed = true;
      look();
    });
    far.on('data', (chunk: Buffer) => {
      answered.take(chunk);
      look();
    });
  });
}

function isOver(service: Service, asked: Packets, answered: Packets): boolean {
  if (service === 'git-receive-pack') {
    // Nothing to do, or the report, and after it what the hooks have said, in the sideband.
    return asked.isJustAFlush || (answered.flushes > 1 && answered.isAtFlush && answered.isSideband);
  }
  // Each command ends with a flush, and so does what is said to it; before them all comes what can be asked for.
  const isVersion2 = service === 'git-upload-pack' && answered.beginning === version2;
  return isVersion2 && asked.isAtFlush && answered.isAtFlush && answered.flushes === asked.flushes + 1;
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
