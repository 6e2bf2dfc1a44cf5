import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Agent } from '../../lib/agents/agent.ts';
import { agentFiles } from '../../lib/image/agent-files.ts';

const sources = fileURLToPath(new URL('../../lib/image/files/', import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A session without a container: its own scripts, on folders, and a repository that pushes into it. */
export interface SessionFolder {
  readonly root: string;
  readonly run: string;
  readonly workspace: string;
  readonly env: NodeJS.ProcessEnv;
  session(args: readonly string[], input?: string | Buffer): Outcome;
  start(args: readonly string[]): ChildProcessWithoutNullStreams;
  /** Runs a command, and gives its lease back when it has said on both streams that it is over, which is left out here. */
  exec(id: string, command: readonly string[], input?: string | Buffer): Promise<Outcome>;
  git(folder: string, ...args: readonly string[]): string;
  push(...refs: readonly string[]): Outcome;
  /** Commits a file in the repository that pushes, and gives the commit's id. */
  commit(path: string, text: string): string;
  readonly source: string;
  remove(): void;
}

/** `agent` with `program`, a shell script in the place of its binary. */
export function sessionFolder(agent?: { readonly data: Agent; readonly program: string }): SessionFolder {
  const root = mkdtempSync(join(tmpdir(), 'paude session ü '));
  const at = (name: string) => join(root, name);
  const [volume, run, home, files] = [at('volume'), at('run'), at('home'), at('files')];
  const credentials = at('credentials');
  const source = join(root, 'source');
  for (const folder of [volume, run, home, credentials, join(root, 'tmux')]) mkdirSync(folder);
  writeFileSync(join(run, 'ready'), '');
  cpSync(sources, files, { recursive: true });
  if (agent !== undefined) {
    const program = { path: `session/agent/${agent.data.command}`, content: agent.program };
    for (const file of [...agentFiles(agent.data), program]) {
      const target = join(files, file.path.replace(/^session\//, ''));
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, file.content, { mode: 0o755 });
    }
  }
  // No more of this machine's configuration than PATH.
  const env: NodeJS.ProcessEnv = {
    PATH: `${files}:${process.env['PATH']}`,
    HOME: home,
    LANG: 'C.UTF-8',
    TMUX_TMPDIR: join(root, 'tmux'),
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_ALLOW_PROTOCOL: 'ext',
    GIT_AUTHOR_NAME: 'A',
    GIT_AUTHOR_EMAIL: 'a@example.com',
    GIT_COMMITTER_NAME: 'A',
    GIT_COMMITTER_EMAIL: 'a@example.com',
    PAUDE_VOLUME: volume,
    PAUDE_RUN: run,
    PAUDE_CREDENTIALS: credentials,
    PAUDE_FILES: files,
    PAUDE_SESSION: 'x',
  };
  // git's ext:: transport runs the far side; the ready line is for the helper, and is taken off here.
  const far = join(root, 'far');
  const format = '--object-format="$(git -C "$PAUDE_TEST_SOURCE" rev-parse --show-object-format)"';
  const serve = `paude-session serve "\${1#git-}" --head=main ${format}`;
  writeFileSync(far, `#!/bin/sh\nexec 3<&0\n${serve} <&3 | { read -r _; exec cat; }\n`);
  chmodSync(far, 0o755);
  Object.assign(env, { PAUDE_TEST_SOURCE: source, PAUDE_TEST_FAR: far });
  // ext:: takes a blank for the end of a word, and this folder's name has some.
  const remote = 'ext::sh -c exec%% "$PAUDE_TEST_FAR"%% "$0" %s'.replaceAll('%% ', '% ');

  const run_ = (program: string, args: readonly string[], cwd: string, input?: string | Buffer): Outcome => {
    const done = spawnSync(program, args, {
      cwd,
      env,
      encoding: 'utf8',
      ...(input === undefined ? {} : { input }),
    });
    return { code: done.status, stdout: done.stdout, stderr: done.stderr };
  };
  const git = (folder: string, ...args: readonly string[]) => {
    const done = run_('git', args, folder);
    if (done.code !== 0) throw new Error(`git ${args.join(' ')}: ${done.code}\n${done.stderr}`);
    return done.stdout.trim();
  };
  return {
    root,
    run,
    workspace: join(volume, 'workspace'),
    env,
    source,
    session: (args, input = '') => run_('paude-session', args, root, input),
    start: (args) => spawn('paude-session', args, { cwd: root, env, detached: true }),
    async exec(id, command, input = '') {
      const program = this.start(['run', id, '--', ...command]);
      const lease = this.start(['lease', id]);
      const said = { stdout: '', stderr: '' };
      const over = `\x1e${id} paude over\n`;
      for (const stream of ['stdout', 'stderr'] as const)
        program[stream].setEncoding('utf8').on('data', (text: string) => {
          said[stream] += text;
          if (Object.values(said).every((all) => all.includes(over))) lease.stdin.end('x');
        });
      const ends = [program, lease].map(async (child) => (await once(child, 'close')) as [number]);
      program.stdin.end(input);
      const [[code]] = (await Promise.all(ends)) as [[number], unknown];
      return { code, stdout: said.stdout.replace(over, ''), stderr: said.stderr.replace(over, '') };
    },
    git,
    push: (...refs) => run_('git', ['push', remote, ...refs], source),
    commit(path, text) {
      mkdirSync(dirname(join(source, path)), { recursive: true });
      writeFileSync(join(source, path), text);
      git(source, 'add', '--force', '--all', '.');
      git(source, 'commit', '-qm', path);
      return git(source, 'rev-parse', 'HEAD');
    },
    remove() {
      run_('tmux', ['kill-server'], root);
      rmSync(root, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}
