import { createHash } from 'node:crypto';

/**
 * `LENGTH SHA256\n` and that many bytes: a stream that says itself where it ends. A wire may close stdin early
 * (containerd#13934) or lose a tail and still report success (kubernetes#60140), so what is not self-delimiting
 * crosses it like this, and the far side checks it before it uses it.
 */
export function frame(body: Uint8Array): Buffer {
  const digest = createHash('sha256').update(body).digest('hex');
  return Buffer.concat([Buffer.from(`${body.length} ${digest}\n`), body]);
}
