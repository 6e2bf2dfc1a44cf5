import { spawn, type SpawnOptions } from 'node:child_process';
import { performance } from 'node:perf_hooks';

export interface RunOptions extends SpawnOptions {
  /** For its standard input. */
  readonly input?: string;
}

/** Runs a program to its end and throws, with what it said, unless it exits with 0. */
export function run(
  program: string,
  args: readonly string[],
  { input, ...options }: RunOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const stdin = input === undefined ? 'ignore' : 'pipe';
    const child = spawn(program, args, { stdio: [stdin, 'pipe', 'pipe'], ...options });
    child.stdin?.end(input);
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

/** A contestant's times, in milliseconds. */
export interface Row {
  readonly name: string;
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** What is wished for: one contestant's median, at most so many times another's, or so much more. */
export type Goal = { readonly of: string; readonly over: string } & (
  { readonly ratio: number } | { readonly more: number }
);

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

/** Prints a race: each contestant's median and spread, and for each goal whether it is met. */
export function printRace(title: string, rows: readonly Row[], goals: readonly Goal[]): void {
  print(`\n${title}`);
  for (const { name, median, low, high } of rows) {
    const spread = `${low.toFixed(0)}..${high.toFixed(0)}`;
    print(`  ${name.padEnd(34)} ${median.toFixed(0).padStart(7)} ms  ${spread.padStart(14)}`);
  }
  for (const goal of goals) {
    const median = (name: string) => rows.find((row) => row.name === name)!.median;
    const [ours, theirs] = [median(goal.of), median(goal.over)];
    if ('ratio' in goal) {
      verdict(`${goal.of} over ${goal.over}`, ours / theirs, goal.ratio, (value) => `x ${value.toFixed(2)}`);
    } else {
      verdict(
        `${goal.of} over ${goal.over}`,
        ours - theirs,
        goal.more,
        (value) => `${value.toFixed(0)} ms more`,
      );
    }
  }
}

/** Prints a measured value beside its goal. */
export function verdict(what: string, value: number, most: number, shown: (value: number) => string): void {
  print(`  ${value <= most ? 'met   ' : 'MISSED'} ${what}: ${shown(value)} (goal: at most ${shown(most)})`);
}

export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
