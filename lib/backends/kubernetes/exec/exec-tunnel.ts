import type { Readable } from 'node:stream';
import { interrupted } from '../../../errors.ts';
import { lost } from '../../../session/lost.ts';
import type { Tunnel } from '../../../tunnel.ts';
import type { ApiConnection } from '../api-connection.ts';
import { ApiStatus, parseOutcome, type StatusObject } from './api-status.ts';
import { channel, resizeFrame } from './channels.ts';
import { Inbound, stdinOf } from './exec-streams.ts';
import { heartbeat, usualInterval } from './heartbeat.ts';
import { openSocket, type ExecOptions, type ExecTarget, type OpenSocket } from './open-exec.ts';

/** How long a status may still take when the pod was seen to end; milliseconds. */
const lastWords = 500;

/** A tunnel whose command may have a terminal. */
export interface ExecTunnel extends Tunnel {
  /** Tells a terminal's new size, in characters. */
  resize(columns: number, rows: number): void;
}

/**
 * Runs a command through the API server's exec, and is there when the server has agreed to it: throws ApiStatus,
 * NoWebSocket, INTERRUPTED, and Node's own errors. After that, `exit` rejects with CONNECTION_LOST when the stream
 * ends without a status, ApiStatus when the command could not be run, INTERRUPTED; a code is given once both
 * streams have been read.
 */
export async function execTunnel(
  connection: ApiConnection,
  target: ExecTarget,
  options: ExecOptions,
  { tty = false }: { readonly tty?: boolean } = {},
): Promise<ExecTunnel> {
  return tunnelOver(await openSocket(connection, target, tty, options), target, options);
}

function tunnelOver({ ws, socket }: OpenSocket, target: ExecTarget, options: ExecOptions): ExecTunnel {
  const { signal, death, pingInterval = usualInterval } = options;
  const inbound = new Inbound(ws);
  const stdin = stdinOf(ws, (error) => lose(error.message, error));
  const closed = new Promise<void>((resolve) => void ws.once('close', resolve));
  let settle!: { resolve: (code: number) => void; reject: (error: Error) => void };
  const exit = new Promise<number>((resolve, reject) => (settle = { resolve, reject }));
  // Who waits for it hears of it; who does not is not to be ended by it.
  exit.catch(() => undefined);
  const beat = heartbeat(ws, socket, pingInterval, () => inbound.isPaused, lose);
  let ended = false;
  let said = '';

  /** The first end counts. The streams give what they have; the close handshake is not waited for. */
  function end(outcome: number | Error): void {
    if (ended) return;
    ended = true;
    beat[Symbol.dispose]();
    signal.removeEventListener('abort', abort);
    for (const stream of [inbound.stdout, inbound.stderr]) if (!stream.destroyed) stream.push(null);
    stdin.destroy();
    ws.terminate();
    if (typeof outcome !== 'number') return settle.reject(outcome);
    // As with a process here: its code is told when its last words have been read.
    void Promise.all([read(inbound.stdout), read(inbound.stderr)]).then(() => settle.resolve(outcome));
  }

  function lose(why: string, cause?: unknown): void {
    end(lost(target.session, why, cause));
  }

  const abort = () => end(interrupted());
  ws.on('error', (error) => lose(error.message, error));
  ws.on('close', (code, reason) => lose(closing(code, reason.toString())));
  ws.on('message', (data: Buffer) => {
    const bytes = data.subarray(1);
    if (ended || bytes.length === 0) return;
    if (data[0] === channel.stdout) inbound.push(inbound.stdout, bytes);
    else if (data[0] === channel.stderr) inbound.push(inbound.stderr, bytes);
    else if (data[0] === channel.status) {
      said += bytes.toString('utf8');
      const status = parseOutcome(said);
      if (status !== undefined) end(outcomeOf(status, target));
    }
  });
  death?.().then(
    (error) => setTimeout(() => lose(error.message, error), lastWords).unref(),
    () => undefined,
  );
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  ws.resume();

  return {
    stdin,
    stdout: inbound.stdout,
    stderr: inbound.stderr,
    exit,
    resize: (columns, rows) => {
      if (ws.readyState === ws.OPEN) ws.send(resizeFrame(columns, rows));
    },
    letGo: () => lose('it was closed here'),
    async [Symbol.asyncDispose]() {
      lose('it was closed here');
      inbound.stdout.resume();
      inbound.stderr.resume();
      await closed;
    },
  };
}

/** Ends when nothing more of the stream is to be read. */
function read(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.readableEnded || stream.destroyed) resolve();
    else stream.once('end', resolve).once('close', resolve);
  });
}

/** https://github.com/kubernetes/apimachinery: pkg/util/remotecommand/constants.go, and its metav1.Status. */
function outcomeOf(status: StatusObject, target: ExecTarget): number | Error {
  if (status.status === 'Success') return 0;
  const code = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message;
  if (status.reason === 'NonZeroExitCode' && code !== undefined && /^\d+$/.test(code)) return Number(code);
  return new ApiStatus(`exec in ${target.pod}`, status.code ?? 500, status);
}

function closing(code: number, reason: string): string {
  // 1006 is "there was no close frame".
  return reason || (code === 1006 ? 'it ended without a status' : `it was closed with ${code} and no status`);
}
