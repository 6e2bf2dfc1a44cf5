import type { Terminal } from '../../../session/backend.ts';
import { pump } from '../../../transport/pump.ts';
import type { ApiConnection } from '../api-connection.ts';
import { execTunnel } from './exec-tunnel.ts';
import type { ExecOptions, ExecTarget } from './open-exec.ts';

/**
 * Runs a command on the user's terminal, with its TERM and size, and gives its exit code. The terminal is raw
 * meanwhile, and as before after it, whatever the end. Throws like `execTunnel`; reconnecting is the caller's.
 */
export async function attachTerminal(
  connection: ApiConnection,
  target: ExecTarget,
  { stdin, stdout, term }: Terminal,
  options: ExecOptions,
): Promise<number> {
  const command = ['env', `TERM=${term}`, ...target.command];
  await using tunnel = await execTunnel(connection, { ...target, command }, options, { tty: true });
  const resize = () => tunnel.resize(stdout.columns, stdout.rows);
  const wasRaw = stdin.isRaw;
  // Errors of stdin are the tunnel's end, which `exit` tells.
  tunnel.stdin.on('error', () => undefined);
  try {
    if (stdin.isTTY) stdin.setRawMode(true);
    stdout.on('resize', resize);
    if (stdout.isTTY) resize();
    stdin.pipe(tunnel.stdin);
    tunnel.stderr.resume();
    const shown = pump(tunnel.stdout, stdout, { end: false });
    const code = await tunnel.exit;
    await shown;
    return code;
  } finally {
    stdout.off('resize', resize);
    stdin.unpipe(tunnel.stdin);
    stdin.pause();
    if (stdin.isTTY) stdin.setRawMode(wasRaw);
  }
}
