import https from 'node:https';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';

/** Opens a connection to the far side's port. */
export type Dial = () => Promise<Duplex>;

type Created = (error: Error | null, stream: Duplex) => void;

/** TLS over connections that are dialled: each is a port-forward of its own, and a new one takes a dead one's place. */
export class ForwardingAgent extends https.Agent {
  readonly #dial: Dial;

  constructor(dial: Dial) {
    super({ keepAlive: true });
    this.#dial = dial;
  }

  // The callback is how http.Agent takes a connection that is not there at once.
  override createConnection(options: tls.ConnectionOptions, created: Created): undefined {
    this.#dial().then(
      (socket) => {
        const secure = tls.connect({ ...options, socket });
        // TLS over a stream that is no socket leaves it open.
        secure.once('close', () => socket.destroy());
        created(null, secure);
      },
      (error: Error) => created(error, undefined as unknown as Duplex),
    );
  }
}
