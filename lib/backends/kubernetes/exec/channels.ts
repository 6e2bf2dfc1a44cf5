/**
 * Kubernetes' remote command protocol over a WebSocket: the first byte of every message is its channel.
 * https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/4006-transition-spdy-to-websockets
 */
export const subprotocol = 'v5.channel.k8s.io';

export const channel = { stdin: 0, stdout: 1, stderr: 2, status: 3, resize: 4, close: 255 } as const;

/** The largest part of stdin that is sent in one frame; bytes. */
const partSize = 64 * 1024;

/** Room for the largest frame of stdin. */
export function emptyFrame(): Buffer {
  return Buffer.allocUnsafeSlow(partSize + 1);
}

/** Puts what comes at `from` into an `emptyFrame`, as much as goes in; gives the message. */
export function fillFrame(frame: Buffer, chunk: Buffer, from: number): Buffer {
  frame[0] = channel.stdin;
  const length = chunk.copy(frame, 1, from, from + partSize);
  return frame.subarray(0, length + 1);
}

/** Says that no more comes on stdin, while the other channels stay open. */
export const endOfStdin = Buffer.of(channel.close, channel.stdin);

/** The terminal's size, in characters. */
export function resizeFrame(columns: number, rows: number): Buffer {
  return Buffer.concat([
    Buffer.of(channel.resize),
    Buffer.from(JSON.stringify({ Width: columns, Height: rows })),
  ]);
}
