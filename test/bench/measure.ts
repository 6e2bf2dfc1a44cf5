import { spawn, type SpawnOptions } from 'node:child_process';
import { performance } from 'node:perf_hooks';

/** Runs a program to its end and throws, with what it said, unless it exits with 0. */
export function run(program: string, args: readonly string[], options: SpawnOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let said = '';
    let complaint = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (said += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (complaint += text));
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0
        ? resolve(said)
        : reject(new Error(`${program} ${args.join(' ')}: exit ${code}: ${complaint}`)),
    );
  });
}

export interface Contestant {
  readonly name: string;
  /** What is timed. */
  readonly work: (round: number) => Promise<unknown>;
  /** What has to be done before each round, and is not timed. */
  readonly before?: (round: number) => Promise<unknown>;
}

interface Row {
  readonly name: string;
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Times the contestants in turn, round after round, so that a slow moment of the machine hits all of them. */
export async function race(rounds: number, contestants: readonly Contestant[]): Promise<readonly Row[]> {
  const times = contestants.map(() => [] as number[]);
  for (let round = 0; round < rounds; round++) {
    for (const [index, { work, before }] of contestants.entries()) {
      await before?.(round);
      const begin = performance.now();
      await work(round);
      times[index]!.push(performance.now() - begin);
    }
  }
  return contestants.map(({ name }, index) => {
    const sorted = times[index]!.sort((a, b) => a - b);
    return { name, median: sorted[Math.floor(sorted.length / 2)]!, low: sorted[0]!, high: sorted.at(-1)! };
  });
}

/** Prints a race: each contestant's median, spread, and ratio to the last one, which is the yardstick. */
export function printRace(title: string, goal: string, rows: readonly Row[]): void {
  const yardstick = rows.at(-1)!;
  process.stdout.write(`\n${title} (goal: ${goal})\n`);
  for (const { name, median, low, high } of rows) {
    const ratio = (median / yardstick.median).toFixed(2);
    const spread = `${low.toFixed(0)}..${high.toFixed(0)}`;
    process.stdout.write(
      `  ${name.padEnd(34)} ${median.toFixed(0).padStart(7)} ms  ${spread.padStart(14)}  x ${ratio}\n`,
    );
  }
}
