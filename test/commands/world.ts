import { noNetwork } from '../harness/no-network.ts';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApp } from '../../lib/app.ts';
import { findVerb, parseCall } from '../../lib/cli/parse-call.ts';
import type { Context } from '../../lib/commands/command.ts';
import { exitCodeOf } from '../../lib/errors.ts';
import { createOutput } from '../../lib/ui/output.ts';
import { createProgress } from '../../lib/ui/progress.ts';
import { directoryBackend } from '../backends/directory.ts';
import { testStream } from '../ui/streams.ts';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Real settings, real git, and sessions of plain folders; no image is built. */
export class World {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'paude-commands-')));
  readonly repository = join(this.root, 'My Répo');
  readonly backend = directoryBackend(join(this.root, 'sessions'));
  readonly env: NodeJS.ProcessEnv = {
    PATH: process.env['PATH'],
    HOME: this.root,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CEILING_DIRECTORIES: this.root,
  };

  constructor() {
    execFileSync('git', ['init', '-q', '-b', 'main', this.repository]);
    this.git('config', 'user.name', 'Ada');
    this.git('config', 'user.email', 'ada@example.com');
    this.git('commit', '-q', '--allow-empty', '-m', 'first');
  }

  git(...args: readonly string[]): string {
    return execFileSync('git', args, { cwd: this.repository, env: this.env, encoding: 'utf8' }).trim();
  }

  /** Runs a verb as the program does, in this process. */
  async paude(...argv: readonly string[]): Promise<Outcome> {
    return this.paudeIn(this.repository, {}, ...argv);
  }

  async paudeIn(folder: string, otherwise: Partial<Context>, ...argv: readonly string[]): Promise<Outcome> {
    const [stdout, stderr] = [testStream(), testStream()];
    const output = createOutput(stdout, stderr, false);
    const ended = (code: number) => ({ code, stdout: stdout.text(), stderr: stderr.text() });
    using progress = createProgress(stderr, false);
    const before = process.cwd();
    process.chdir(folder);
    try {
      const { entry, args } = findVerb(argv);
      const call = parseCall(entry, args);
      const app = createApp(call.flags, this.env);
      const context: Context = {
        ...app,
        backend: async () => this.backend,
        ensureImage: () => async () => 'localhost/an-image',
        ask: async () => undefined,
        pullSecret: () => undefined,
        ensureProxyImage: () => noNetwork.ensureProxyImage,
        network: noNetwork.network,
        output,
        report: progress.report,
        quiet: () => progress[Symbol.dispose](),
        signal: new AbortController().signal,
        term: 'xterm',
        ...otherwise,
      };
      return ended(await (await entry.load())(context, call));
    } catch (error) {
      output.fail(error);
      return ended(exitCodeOf(error));
    } finally {
      process.chdir(before);
    }
  }

  end(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
