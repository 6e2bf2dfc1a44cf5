/**
 * Speed, as ratios of medians measured in one run. Needs the built programs (argv[2]: the folder with
 * git-paude and git-remote-paude) and what scripts/machine.mjs sets up. Nothing here is asserted.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { spawn } from 'node:child_process';
import { printRace, race, run, type Contestant } from './measure.ts';
import { bigRepository, longRepository } from './workload.ts';

const programs = process.argv[2];
if (programs === undefined) throw new Error('usage: bench.ts FOLDER-OF-THE-PROGRAMS [PART…]');
const parts = process.argv.slice(3);
process.env['PATH'] = `${programs}${delimiter}${process.env['PATH']}`;
const folder = await mkdtemp(join(tmpdir(), 'paude-bench-'));
const paude = (...args: string[]) => run('git-paude', args, { cwd: folder });

async function startup(): Promise<void> {
  printRace(
    'start',
    '1.5',
    await race(15, [
      { name: 'git paude -h', work: () => paude('-h') },
      { name: 'git-remote-paude: capabilities', work: capabilities },
      { name: 'node -e 0', work: () => run('node', ['-e', '0']) },
    ]),
  );
}

/** Starts the helper and waits for its answer to the first command of git. */
async function capabilities(): Promise<void> {
  const child = spawn('git-remote-paude', ['origin', 'paude://podman/bench'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.write('capabilities\n');
  await new Promise<void>((resolve) => child.stdout.once('data', () => resolve()));
  child.stdin.end('\n');
  await new Promise((resolve) => child.once('close', resolve));
}

/** The three ways to the same container: ours, git's own ext:: over podman exec, and a plain folder. */
function ways(
  source: string,
  work: (url: string, round: number) => Promise<unknown>,
  clean = true,
): Contestant[] {
  const container = ['podman', 'exec', 'paude-bench'];
  const inside = (...args: string[]) => run(container[0]!, [...container.slice(1), ...args]);
  const remove = (path: string) => async () => {
    if (clean) await inside('rm', '-rf', path).then(() => inside('git', 'init', '-q', '-b', 'main', path));
  };
  const plain = join(folder, 'plain.git');
  return [
    {
      name: 'git-paude',
      before: remove('/pvc/workspace'),
      work: (round: number) => work('paude://podman/bench', round),
    },
    {
      name: 'ext::podman exec -i',
      before: remove('/pvc/ext'),
      work: (round: number) => work('ext::podman exec -i paude-bench %S /pvc/ext', round),
    },
    {
      name: 'file://',
      before: async () => {
        if (clean)
          await rm(plain, { recursive: true, force: true }).then(() =>
            run('git', ['init', '-q', '--bare', plain]),
          );
      },
      work: (round: number) => work(`file://${plain}`, round),
    },
  ].map((contestant) => ({ ...contestant, name: `${contestant.name} ${source}` }));
}

async function transfer(): Promise<void> {
  await paude('create', 'bench');
  await paude('start', '--detach', 'bench');
  const push = (source: string) => (url: string) =>
    run('git', [
      '-c',
      'protocol.ext.allow=always',
      '-C',
      source,
      'push',
      '-q',
      url,
      'main:refs/heads/incoming',
    ]);
  const clone = (url: string, round: number) => {
    const target = join(folder, `clone-${round}`);
    return run('git', ['-c', 'protocol.ext.allow=always', 'clone', '-q', '--no-checkout', url, target]).then(
      () => rm(target, { recursive: true }),
    );
  };
  for (const [name, make] of [
    ['300 MB', (path: string) => bigRepository(path, 300)],
    ['5,000 commits', (path: string) => longRepository(path, 5000)],
  ] as const) {
    const source = join(folder, name);
    await make(source);
    const goal = 'not above ext::, at most 1.25 times file://';
    printRace(`push of ${name}`, goal, await race(3, ways(name, push(source))));
    printRace(`clone of ${name}`, goal, await race(3, ways(name, clone, false)));
    const rows = await race(10, ways(name, push(source), false));
    printRace(`push with nothing to do, ${name}`, '1.2 times ext::', rows);
  }
  await paude('delete', 'bench', '--confirm');
}

/** The most memory that the helper itself used for a push of 1 GiB, as the kernel counted it. */
async function memory(): Promise<void> {
  await paude('create', 'bench');
  const source = join(folder, 'gigabyte');
  await bigRepository(source, 1024);
  let most = 0;
  const child = spawn('git', ['-C', source, 'push', '-q', 'paude://podman/bench', 'main'], {
    stdio: 'inherit',
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const { readFile, readdir } = await import('node:fs/promises');
  const timer = setInterval(async () => {
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      if (!line.includes('git-remote-paude') || !line.includes('node')) continue;
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
      most = Math.max(most, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
    }
  }, 100);
  await ended;
  clearInterval(timer);
  process.stdout.write(`\nmemory of the helper at 1 GiB (goal: 100 MB)\n  ${(most / 1024).toFixed(0)} MB\n`);
  await paude('delete', 'bench', '--confirm');
}

async function lifecycle(): Promise<void> {
  await paude('create', 'bench');
  await paude('start', '--detach', 'bench');
  await paude('stop', 'bench');
  const image = (await run('podman', ['inspect', '--format', '{{.Image}}', 'paude-bench'])).trim();
  await paude('delete', 'bench', '--confirm');
  const podman = (...args: string[]) => run('podman', args);
  const bare = {
    create: async () => {
      await podman('volume', 'create', 'bare');
      await podman('network', 'create', 'bare');
      await podman(
        'create',
        '--name',
        'bare',
        '--network',
        'bare',
        '--read-only',
        '-v',
        'bare:/pvc',
        '--tmpfs',
        '/tmp:exec,mode=1777',
        '--tmpfs',
        '/run/paude:exec,mode=1777',
        '--tmpfs',
        '/home/paude:exec,mode=1777',
        '--user',
        '1000:0',
        image,
      );
    },
    start: async () => {
      await podman('start', 'bare');
      await podman('exec', 'bare', 'paude-session', 'ready');
    },
    stop: () => podman('stop', 'bare'),
    delete: async () => {
      await podman('rm', '-f', 'bare');
      await podman('network', 'rm', 'bare');
      await podman('volume', 'rm', 'bare');
    },
  };
  const steps: Record<keyof typeof bare, () => Promise<unknown>> = {
    create: () => paude('create', 'bench'),
    start: () => paude('start', '--detach', 'bench'),
    stop: () => paude('stop', 'bench'),
    delete: () => paude('delete', 'bench', '--confirm'),
  };
  const times = new Map<string, number[]>();
  const timed = async (name: string, work: () => Promise<unknown>) => {
    const begin = performance.now();
    await work();
    times.set(name, [...(times.get(name) ?? []), performance.now() - begin]);
  };
  for (let round = 0; round < 5; round++) {
    for (const verb of Object.keys(bare) as (keyof typeof bare)[]) await timed(`bare ${verb}`, bare[verb]);
    for (const verb of Object.keys(steps) as (keyof typeof bare)[]) await timed(`paude ${verb}`, steps[verb]);
  }
  const median = (name: string) => times.get(name)!.sort((a, b) => a - b)[2]!;
  process.stdout.write('\nover the bare Podman commands (goal: + 300 ms)\n');
  for (const verb of Object.keys(bare)) {
    const [ours, theirs] = [median(`paude ${verb}`), median(`bare ${verb}`)];
    process.stdout.write(
      `  ${verb.padEnd(8)} ${ours.toFixed(0).padStart(6)} ms, bare ${theirs.toFixed(0).padStart(6)} ms, + ${(ours - theirs).toFixed(0)} ms\n`,
    );
  }
}

async function list(): Promise<void> {
  const names = Array.from({ length: 100 }, (_, number) => `bench-${number}`);
  for (const name of names) await paude('create', name);
  printRace(
    'list of 100 sessions',
    'none',
    await race(5, [
      { name: 'git paude list', work: () => paude('list') },
      { name: 'podman ps -a', work: () => run('podman', ['ps', '-a', '--format', 'json']) },
    ]),
  );
  for (const name of names) await paude('delete', name, '--confirm');
}

try {
  for (const [name, part] of Object.entries({ startup, transfer, memory, lifecycle, list })) {
    if (parts.length === 0 || parts.includes(name)) await part();
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
