import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../journeys/world.ts';

/** A repository that names a session, of a person whose `git-paude` writes down when it is run. */
export class HookedRepository {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'paude höoks ')));
  readonly repository = join(this.root, "my 'repo");
  readonly env: NodeJS.ProcessEnv;
  readonly #mark = join(this.root, 'mark');

  /** `programs`: folders that come before those of the machine. */
  constructor(...programs: readonly string[]) {
    const bin = join(this.root, 'bin');
    mkdirSync(bin);
    this.env = {
      PATH: [bin, ...programs, process.env['PATH']].join(':'),
      HOME: this.root,
      GIT_AUTHOR_NAME: 'A',
      GIT_AUTHOR_EMAIL: 'a@x',
      GIT_COMMITTER_NAME: 'A',
      GIT_COMMITTER_EMAIL: 'a@x',
    };
    this.program('git-paude', 'printf "%s in %s\\n" "$*" "$PWD" >>"$HOME/runs"');
    this.git(this.root, 'init', '-q', '-b', 'main', this.repository);
    for (const text of ['one', 'two', 'three']) {
      writeFileSync(join(this.repository, 'file'), text);
      this.git(this.repository, 'add', '.');
      this.git(this.repository, 'commit', '-qm', text);
    }
    this.git(this.repository, 'branch', 'other', 'HEAD~1');
    this.git(this.repository, 'remote', 'add', 'paude-x', 'paude://podman/x');
  }

  /** A program of the person's PATH. */
  program(name: string, script: string): void {
    writeFileSync(join(this.root, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  git(folder: string, ...args: readonly string[]) {
    // What git leaves running in the background has this file open, too, whatever it is called.
    const mark = openSync(this.#mark, 'a');
    const stdio = ['pipe', 'pipe', 'pipe', mark] as const;
    const done = spawnSync('git', args, { cwd: folder, env: this.env, encoding: 'utf8', stdio: [...stdio] });
    closeSync(mark);
    return { code: done.status, stdout: done.stdout, stderr: done.stderr };
  }

  /** What its git-paude was run with, and where. */
  runs(): readonly string[] {
    const file = join(this.root, 'runs');
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
  }

  waitForRuns(count: number): Promise<readonly string[]> {
    return until(
      () => this.runs(),
      (rows) => rows.length === count,
    );
  }

  /** As if more than a minute, or as many seconds as given, had gone by since the hook last ran. */
  later(seconds = 3600): void {
    const stamp = join(this.repository, '.git/paude/hook.ran');
    const then = new Date(Date.now() - seconds * 1000);
    if (existsSync(stamp)) utimesSync(stamp, then, then);
  }

  /** The hook's own background part has ended: it can't run any more. */
  async quiet(): Promise<void> {
    await until(
      () => [
        ...holding(this.#mark),
        ...spawnSync('pgrep', ['-f', this.root], { encoding: 'utf8' }).stdout.split('\n').filter(Boolean),
      ],
      (pids) => pids.length === 0,
    );
  }

  async remove(): Promise<void> {
    await this.quiet();
    rmSync(this.root, { recursive: true, force: true });
  }
}

/** The processes that have a file open. A command that another one becomes keeps it. */
function holding(file: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => linkOf(`/proc/${pid}/fd/${fd}`) === file);
    } catch {
      // It has ended, or is somebody else's.
      return false;
    }
  });
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
