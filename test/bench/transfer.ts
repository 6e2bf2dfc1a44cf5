import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench } from './bench.ts';
import { printRace, race, run, verdict, type Contestant, type Goal, print } from './measure.ts';
import { bigRepository, longRepository } from './workload.ts';

type Work = (url: string, round: number) => Promise<unknown>;

const [ours, file] = ['git-paude', 'file://'];

/** A way into a running session's container, and git's URL of the session. */
export interface Far {
  readonly url: string;
  /** A program that runs a command in the container, bare; its first words are its name. */
  readonly exec: readonly string[];
  readonly name: string;
  /** At most so many times as long as ext:: over that program, where there is nothing to do. */
  readonly idle: number;
}

function podmanTo(session: string): Far {
  const exec = ['podman', 'exec', '-i', `paude-${session}`];
  return { url: `paude://podman/${session}`, exec, name: 'podman exec -i', idle: 1.2 };
}

/** The same on every far side, as a session has it: what comes is checked, kept as a pack, and laid out as files. */
const asSession = [
  ['receive.fsckObjects', 'true'],
  ['transfer.unpackLimit', '1'],
  ['receive.denyCurrentBranch', 'updateInstead'],
  // Of the bench: no looking for likeness in data that is random.
  ['core.bigFileThreshold', '1m'],
] as const;
const branch = 'incoming';

/** The three ways of a push or clone: ours, git's own ext:: to the same container, a plain folder. */
function ways({ folder }: Bench, far: Far, work: Work, clean: boolean): readonly Contestant[] {
  const [program, ...args] = far.exec as [string, ...string[]];
  const inside = (...command: string[]) => run(program, [...args, ...command]);
  const plain = join(folder, 'plain');
  const anew = (path: string, git: (...words: string[]) => Promise<unknown>) => async () => {
    if (!clean) return;
    await git('init', '-q', '-b', branch, path);
    for (const [key, value] of asSession) await git('-C', path, 'config', key, value);
  };
  const anewInside = (path: string) => async () => {
    if (clean) await inside('rm', '-rf', path);
    await anew(path, (...words) => inside('git', ...words))();
  };
  return [
    { name: ours, before: anewInside('/pvc/workspace'), work: (round) => work(far.url, round) },
    {
      name: `ext::${far.name}`,
      before: anewInside('/pvc/ext'),
      work: (round) => work(`ext::${far.exec.join(' ')} %S /pvc/ext`, round),
    },
    {
      name: file,
      before: async () => {
        if (clean) await rm(plain, { recursive: true, force: true });
        await anew(plain, (...words) => run('git', words))();
      },
      work: (round) => work(`file://${plain}`, round),
    },
  ];
}

/** Push and clone of much data and of many commits, and a push with nothing to do. */
export async function transfer(bench: Bench): Promise<void> {
  const { session, paude } = bench;
  await paude('create', session);
  try {
    await paude('start', '--detach', session);
    await transferTo(bench, podmanTo(session));
  } finally {
    await paude('delete', session, '--confirm');
  }
}

/** The same to a session that runs, wherever it is. */
export async function transferTo(bench: Bench, far: Far): Promise<void> {
  const { folder, session, paude } = bench;
  const [program, ...args] = far.exec as [string, ...string[]];
  const rows = await race(7, [
    { name: 'git paude exec', work: () => paude('exec', session, '--', 'true') },
    { name: far.name, work: () => run(program, [...args, 'true']) },
  ]);
  printRace('a command that does nothing', rows, []);
  const ext = `ext::${far.name}`;
  const asFast: readonly Goal[] = [
    { of: ours, over: ext, ratio: 1 },
    { of: ours, over: file, ratio: 1.25 },
  ];
  for (const [name, rounds, make] of [
    ['5,000 commits', 11, (path: string) => longRepository(path, 5000)],
    ['300 MB', 3, (path: string) => bigRepository(path, 300)],
  ] as const) {
    const source = join(folder, name);
    if (!existsSync(source)) await make(source);
    const push = (url: string) => git('-C', source, 'push', '-q', url, `main:refs/heads/${branch}`);
    const clone = async (url: string, round: number) => {
      const target = join(folder, `clone-${round}`);
      await git('clone', '-q', '--no-checkout', url, target);
      await rm(target, { recursive: true });
    };
    printRace(`push of ${name}`, await race(rounds, ways(bench, far, push, true)), asFast);
    printRace(`clone of ${name}`, await race(rounds, ways(bench, far, clone, false)), asFast);
    const idle = await race(15, ways(bench, far, push, false));
    printRace(`push with nothing to do, ${name}`, idle, [{ of: ours, over: ext, ratio: far.idle }]);
  }
}

function git(...args: string[]): Promise<string> {
  return run('git', ['-c', 'protocol.ext.allow=always', ...args]);
}

export async function memory(bench: Bench): Promise<void> {
  await memoryTo(bench, `paude://podman/${bench.session}`);
}

/** The most memory that the helper itself used for a push of 1 GiB, as the kernel counted it. */
export async function memoryTo({ folder, session, paude }: Bench, url: string): Promise<void> {
  const source = join(folder, 'gigabyte');
  if (!existsSync(source)) await bigRepository(source, 1024);
  await paude('create', session);
  try {
    const child = spawn('git', ['-C', source, 'push', '-q', url, 'main'], { stdio: 'inherit' });
    let most = 0;
    const timer = setInterval(() => void peak(url).then((now) => (most = Math.max(most, now))), 100);
    const code = await new Promise((resolve) => child.once('close', resolve));
    clearInterval(timer);
    if (code !== 0) throw new Error(`the push of 1 GiB ended with ${code}`);
    print('\nmemory of the helper at 1 GiB');
    verdict('the most', most, 100, (value) => `${value.toFixed(0)} MB`);
  } finally {
    await paude('delete', session, '--confirm');
  }
}

/** proc(5), VmHWM: the most memory so far, of the helper that has this URL; MB. */
async function peak(url: string): Promise<number> {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (!line.includes('git-remote-paude') || !line.includes(url)) continue;
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  }
  return 0;
}
