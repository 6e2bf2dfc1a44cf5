import { buffer } from 'node:stream/consumers';
import type { Tunnel } from '../../../../lib/tunnel.ts';

/** How a command ended, and all that it said: its exit code, or the error in its place. */
export async function outcome(tunnel: Tunnel): Promise<{ end: unknown; stdout: Buffer; stderr: string }> {
  const [end, stdout, stderr] = await Promise.all([
    tunnel.exit.catch((error: unknown) => error),
    buffer(tunnel.stdout),
    buffer(tunnel.stderr),
  ]);
  return { end, stdout, stderr: stderr.toString() };
}
