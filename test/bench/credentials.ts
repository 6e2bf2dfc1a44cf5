import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Bench } from './bench.ts';
import { printRace, race, run } from './measure.ts';

const files = 2000;
const bytes = 15_000;

/** Bringing a home of 30 MB in 2,000 files, a reconnect with nothing changed, and what the hook costs a checkout. */
export async function credentials({ folder, session }: Bench): Promise<void> {
  const repository = join(folder, 'repository');
  const env = await personAt(folder);
  await run('git', ['init', '-q', '-b', 'main', repository]);
  const git = (...args: string[]) => run('git', ['-C', repository, ...identity, ...args], { env });
  const paude = (...args: string[]) => run('git-paude', args, { cwd: repository, env });
  await git('commit', '-q', '--allow-empty', '-m', 'x');
  await paude('create', session);
  try {
    await paude('start', '--detach', session);
    const exec = ['podman', 'exec', '-i', `paude-${session}`];
    await bringTo({ folder, session, exec, name: 'podman exec' });
    await checkouts(repository, session, git, paude);
  } finally {
    await paude('delete', session, '--confirm');
  }
}

/** A session that runs, and the bare program that runs a command in it. */
export interface Receiving {
  readonly folder: string;
  readonly session: string;
  readonly exec: readonly string[];
  readonly name: string;
}

/** The environment of a person with such a home. */
async function personAt(folder: string): Promise<NodeJS.ProcessEnv & { readonly HOME: string }> {
  const home = join(folder, 'home');
  await makeHome(home);
  return { ...process.env, HOME: home, ANTHROPIC_API_KEY: 'nobody' };
}

/** Both bring the whole home, over whatever of it was there before; each round has files that nobody has seen. */
export async function bringTo({ folder, session, exec, name }: Receiving): Promise<void> {
  const env = await personAt(folder);
  const paude = (...args: string[]) => run('git-paude', args, { cwd: folder, env });
  const bare = (...args: string[]) => run(exec[0]!, [...exec.slice(1), ...args]);
  const [full, tar] = ['git paude sync --full', `tar | ${name}`];
  const rows = await race(9, [
    { name: full, before: () => makeHome(env.HOME), work: () => paude('sync', session, '--full') },
    // What it leaves is as much in memory, and is cleared for the next round.
    { name: tar, before: () => bare('rm', '-rf', '/tmp/copy'), work: () => tarInto(env.HOME, exec) },
  ]);
  printRace(`a home of ${(files * bytes) / 1e6} MB in ${files} files`, rows, [
    { of: full, over: tar, ratio: 1.2 },
  ]);
  await bare('rm', '-rf', '/tmp/copy');
  printRace(
    'a reconnect with nothing changed (one exec, no byte of a credential)',
    await race(9, [
      { name: 'git paude sync, nothing new', work: () => paude('sync', session) },
      { name: `${name} true`, work: () => bare('true') },
    ]),
    [],
  );
}

type Paude = (...args: string[]) => Promise<string>;

const identity = ['-c', 'user.name=Bench', '-c', 'user.email=bench@example.com'];

async function makeHome(home: string): Promise<void> {
  for (let number = 0; number < files; number++) {
    const path = join(home, '.claude/skills', String(number % 40), String(number));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, randomBytes(bytes));
  }
  await mkdir(join(home, '.config/gcloud'), { recursive: true });
  await writeFile(join(home, '.config/gcloud/application_default_credentials.json'), '{}');
}

function tarInto(home: string, exec: readonly string[]): Promise<void> {
  const script = 'mkdir -p /tmp/copy && tar -x -C /tmp/copy';
  const far = spawn(exec[0]!, [...exec.slice(1), 'sh', '-c', script], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const near = spawn('tar', ['-c', '-C', home, '.claude', '.config'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  near.stdout.pipe(far.stdin);
  return new Promise((resolve, reject) =>
    far.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`tar: ${code}`)))),
  );
}

async function checkouts(repository: string, session: string, git: Paude, paude: Paude): Promise<void> {
  const [off, idle, busy] = ['checkout without a hook', 'with it, no session', 'with it, a session running'];
  const remote = `paude-${session}`;
  await git('branch', 'a');
  await git('branch', 'b');
  const withRemote = async (there: boolean) => {
    const known = (await git('remote')).includes(remote);
    if (there && !known) await git('remote', 'add', remote, `paude://podman/${session}`);
    if (!there && known) await git('remote', 'remove', remote);
  };
  const state = join(repository, '.git/paude');
  // Each time it really runs, as a minute after the last one, and it is over before the next checkout.
  const begun = () => rm(join(state, 'hook.ran'), { force: true });
  const over = async (rounds: number) => {
    const told = async () =>
      (await readFile(join(state, 'hook.log'), 'utf8').catch(() => '')).split('\n').length;
    while ((await told()) <= rounds) await wait(20);
  };
  // Alike but for what is compared: the same programs ran right before each.
  const ready = (hook: boolean, there: boolean) => async (round: number) => {
    await over(hook && there ? round : round + 1);
    await begun();
    await paude('hooks', hook ? 'install' : 'uninstall');
    await withRemote(there);
  };
  let turn = 0;
  const checkout = () => git('checkout', '-q', turn++ % 2 === 0 ? 'a' : 'b');
  const rows = await race(21, [
    { name: busy, before: ready(true, true), work: checkout },
    { name: idle, before: ready(true, false), work: checkout },
    { name: off, before: ready(false, true), work: checkout },
  ]);
  printRace('git checkout', rows, [
    { of: busy, over: off, more: 10 },
    { of: idle, over: off, more: 5 },
  ]);
}
