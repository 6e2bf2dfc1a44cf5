import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder with the helper on PATH, sessions that are folders, and a real git. */
export interface GitWorld {
  readonly folder: string;
  readonly sessions: string;
  readonly env: NodeJS.ProcessEnv;
  /** Runs git in a folder of this world. */
  git(where: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Outcome>;
  /** Like `git`, and throws when git fails. */
  must(where: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<string>;
  start(where: string, args: readonly string[], env?: NodeJS.ProcessEnv): ChildProcess;
  /** A repository with one commit on main. */
  repository(name: string, ...init: readonly string[]): Promise<string>;
  /** The processes that belong to this world: its folder stands in their environment. */
  processes(): Promise<readonly { pid: number; command: string }[]>;
  remove(): Promise<void>;
}

export async function gitWorld(): Promise<GitWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'paude helper ü '));
  const programs = join(folder, 'programs');
  const sessions = join(folder, 'sessions');
  const home = join(folder, 'home');
  for (const made of [programs, sessions, home]) await mkdir(made);
  await build({
    entryPoints: [fileURLToPath(new URL('./helper-program.ts', import.meta.url))],
    outfile: join(programs, 'helper.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    define: { 'import.meta.url': JSON.stringify(new URL('../backends/directory.ts', import.meta.url).href) },
  });
  const shim = join(programs, 'git-remote-paude');
  await writeFile(shim, `#!/bin/sh\nexec "${process.execPath}" "${join(programs, 'helper.mjs')}" "$@"\n`);
  await chmod(shim, 0o755);
  const env: NodeJS.ProcessEnv = {
    PATH: `${programs}${delimiter}${process.env['PATH']}`,
    HOME: home,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'A',
    GIT_AUTHOR_EMAIL: 'a@example.com',
    GIT_COMMITTER_NAME: 'A',
    GIT_COMMITTER_EMAIL: 'a@example.com',
    LC_ALL: 'C.UTF-8',
    PAUDE_TEST_ROOT: sessions,
  };
  const start = (where: string, args: readonly string[], more: NodeJS.ProcessEnv = {}) =>
    spawn('git', args, { cwd: join(folder, where), env: { ...env, ...more } });
  const git = async (where: string, args: readonly string[], more: NodeJS.ProcessEnv = {}) => {
    const child = start(where, args, more);
    child.stdin?.end();
    const read = async (stream: NodeJS.ReadableStream | null) => {
      let text = '';
      for await (const chunk of stream ?? []) text += String(chunk);
      return text;
    };
    const [stdout, stderr, [code]] = await Promise.all([
      read(child.stdout),
      read(child.stderr),
      once(child, 'close') as Promise<[number | null]>,
    ]);
    return { code, stdout, stderr };
  };
  const must = async (where: string, args: readonly string[], more: NodeJS.ProcessEnv = {}) => {
    const outcome = await git(where, args, more);
    if (outcome.code !== 0) throw new Error(`git ${args.join(' ')}: ${outcome.code}\n${outcome.stderr}`);
    return outcome.stdout.trimEnd();
  };
  return {
    folder,
    sessions,
    env,
    git,
    must,
    start,
    async repository(name, ...init) {
      await must('.', ['init', '-q', '-b', 'main', ...init, name]);
      await writeFile(join(folder, name, 'file'), 'one\n');
      await must(name, ['add', '.']);
      await must(name, ['commit', '-qm', 'one']);
      return join(folder, name);
    },
    async processes() {
      const found = [];
      for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
        const seen = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
        if (!seen.includes(sessions)) continue;
        found.push({
          pid: Number(pid),
          command: await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''),
        });
      }
      return found;
    },
    remove: () => rm(folder, { recursive: true, force: true, maxRetries: 3 }),
  };
}

/** Waits until something holds, and says what did not. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  milliseconds = 10_000,
): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`not within ${milliseconds} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
