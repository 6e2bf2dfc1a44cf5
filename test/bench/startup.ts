import { spawn } from 'node:child_process';
import type { Bench } from './bench.ts';
import { printRace, race, run } from './measure.ts';

/** How long the programs take before they do anything. */
export async function startup({ paude }: Bench): Promise<void> {
  const rows = await race(15, [
    { name: 'git paude -h', work: () => paude('-h') },
    { name: 'git-remote-paude', work: () => capabilities('paude://podman/bench') },
    { name: 'node -e 0', work: () => run('node', ['-e', '0']) },
  ]);
  printRace('start', rows, [
    { of: 'git paude -h', over: 'node -e 0', ratio: 1.5 },
    { of: 'git-remote-paude', over: 'node -e 0', ratio: 1.5 },
  ]);
}

/** Starts the helper and waits for its answer to the first command of git. */
export async function capabilities(url: string, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const child = spawn('git-remote-paude', ['origin', url], { stdio: ['pipe', 'pipe', 'inherit'], env });
  child.stdin.write('capabilities\n');
  await new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
  child.stdin.end('\n');
  await new Promise((resolve) => child.once('close', resolve));
}
