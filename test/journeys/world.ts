import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onPodman, type Ground } from './ground.ts';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A person with an empty home, the installed programs, and a repository; sessions have names of this run only. */
export class World {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'paude jörney ')));
  readonly home = join(this.root, 'home');
  readonly repository = join(this.root, 'my répo');
  readonly bin = join(this.root, 'bin');
  /** A session's name, told apart from those of other runs. */
  readonly session = (name: string) => `j${process.pid}-${name}`;
  readonly ground: Ground;

  constructor(ground: Ground = onPodman) {
    this.ground = ground;
    for (const folder of [this.home, this.bin]) mkdirSync(folder);
    const installed = process.env['PAUDE_TEST_INSTALLED'];
    if (installed === undefined) throw new Error('run it with npm test, which installs the package');
    for (const name of ['git-paude', 'paude', 'git-remote-paude']) {
      symlinkSync(join(installed, 'bin', name), join(this.bin, name));
    }
    execFileSync('git', ['init', '-q', '-b', 'main', this.repository]);
    for (const [key, value] of [
      ['user.name', 'Ada'],
      ['user.email', 'ada@example.com'],
    ] as const) {
      execFileSync('git', ['config', key, value], { cwd: this.repository });
    }
    this.commit('README', 'hello\n');
  }

  /** Nothing of this machine's environment but what a program needs to be found and the sessions to run. */
  get env(): NodeJS.ProcessEnv {
    const git = dirname(execFileSync('which', ['git'], { encoding: 'utf8' }));
    const folders = [this.bin, dirname(process.execPath), git, ...this.ground.folders, '/usr/sbin', '/sbin'];
    return {
      ...this.ground.env,
      PATH: folders.join(':'),
      HOME: this.home,
      TERM: 'xterm-256color',
      LANG: 'C.UTF-8',
    };
  }

  run(program: string, args: readonly string[], cwd = this.repository, env: NodeJS.ProcessEnv = {}): Outcome {
    const done = spawnSync(program, args, {
      cwd,
      env: { ...this.env, ...env },
      encoding: 'utf8',
      timeout: 240_000,
    });
    return { code: done.status ?? -1, stdout: done.stdout, stderr: done.stderr };
  }

  git(...args: string[]): Outcome {
    return this.run('git', args);
  }

  paude(...args: string[]): Outcome {
    return this.run('git', ['paude', ...args]);
  }

  start(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
    return spawn(program, args, {
      cwd: this.repository,
      env: { ...this.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  }

  /** Runs a command beside others. */
  beside(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
    const child = this.start(program, args, env);
    let [stdout, stderr] = ['', ''];
    child.stdout!.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin!.end();
    return new Promise((resolve) =>
      child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr })),
    );
  }

  commit(path: string, content: string | Uint8Array): string {
    writeFileSync(join(this.repository, path), content);
    execFileSync('git', ['add', '--force', '.'], { cwd: this.repository });
    execFileSync('git', ['commit', '-qm', path], { cwd: this.repository });
    return execFileSync('git', ['rev-parse', 'HEAD'], { cwd: this.repository, encoding: 'utf8' }).trim();
  }

  /** Removes every session of this run, and the folders. */
  end(): void {
    for (const line of this.paude('list').stdout.split('\n')) {
      const name = line.split('\t')[0]!;
      if (name.startsWith(`j${process.pid}-`)) this.paude('delete', name, '--confirm');
    }
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** Waits until something is so, by looking at it again and again; gives what it was at last. */
export async function until<T>(
  look: () => T,
  isSo: (value: T) => boolean,
  milliseconds = 60_000,
): Promise<T> {
  const end = Date.now() + milliseconds;
  for (;;) {
    const value = look();
    if (isSo(value)) return value;
    if (Date.now() > end) throw new Error(`this did not come: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
