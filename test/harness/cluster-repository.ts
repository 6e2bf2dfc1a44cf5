import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { clusterImage, clusterPlace, clusterProxyImage, testCluster } from './cluster-world.ts';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  /** What it has said on stderr so far. */
  readonly said: () => string;
  readonly ended: Promise<Outcome>;
}

/** A person with an empty home, the built programs, a kubeconfig and a repository, whose sessions are on the cluster. */
export class ClusterRepository {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'paude-cluster-')));
  readonly repository = join(this.root, 'repository');
  readonly namespace: string;
  readonly env: NodeJS.ProcessEnv;

  constructor(kubeconfig = testCluster.certificate, namespace = clusterPlace('plain').namespace) {
    this.namespace = namespace;
    const [bin, home] = [join(this.root, 'bin'), join(this.root, 'home')];
    for (const folder of [bin, home]) mkdirSync(folder);
    for (const name of ['git-paude', 'git-remote-paude']) {
      symlinkSync(fileURLToPath(new URL(`../../dist/${name}.js`, import.meta.url)), join(bin, name));
    }
    this.env = {
      PATH: [bin, testCluster.programs, process.env['PATH']].filter(Boolean).join(delimiter),
      HOME: home,
      TERM: 'xterm-256color',
      LANG: 'C.UTF-8',
      KUBECONFIG: kubeconfig,
      // connect asks for a login; what it is for is never reached.
      ANTHROPIC_API_KEY: 'sk-ant-a-key-that-is-nobodys-at-all',
      PAUDE_BACKEND: 'kubernetes',
      PAUDE_OPENSHIFT_NAMESPACE: namespace,
      PAUDE_IMAGE: clusterImage,
      PAUDE_PROXY_IMAGE: clusterProxyImage,
    };
    execFileSync('git', ['init', '-q', '-b', 'main', this.repository], { env: this.env });
    for (const [key, value] of [
      ['user.name', 'Ada'],
      ['user.email', 'ada@example.com'],
      ['core.compression', '0'],
    ] as const) {
      execFileSync('git', ['config', key, value], { cwd: this.repository, env: this.env });
    }
    this.commit('README', 'hello\n');
  }

  /** A session's name, told apart from those of other runs. */
  session(name: string): string {
    return `c${process.pid}-${name}`;
  }

  url(name: string): string {
    return `paude://kubernetes/${clusterPlace('plain').context}/${this.namespace}/${name}`;
  }

  start(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
    const child = spawn(program, args, { cwd: this.repository, env: { ...this.env, ...env } });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin.end();
    const ended = new Promise<Outcome>((resolve) =>
      child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr })),
    );
    return { said: () => stderr, ended };
  }

  git(...args: string[]): Promise<Outcome> {
    return this.start('git', args).ended;
  }

  paude(...args: string[]): Promise<Outcome> {
    return this.start('git', ['paude', ...args]).ended;
  }

  /** Runs a command in a session. */
  inside(name: string, ...command: string[]): Promise<Outcome> {
    return this.paude('exec', name, '--', ...command);
  }

  commit(path: string, content: string | Uint8Array): string {
    const git = (...args: string[]) =>
      execFileSync('git', args, { cwd: this.repository, env: this.env, encoding: 'utf8' });
    writeFileSync(join(this.repository, path), content);
    git('add', '--force', '.');
    git('commit', '-qm', path);
    return git('rev-parse', 'HEAD').trim();
  }

  /** A commit, on the branch that is checked out, of so many bytes that don't compress. */
  big(bytes: number): string {
    return this.commit('big', randomBytes(bytes));
  }

  /** Removes every session of this run, and the folders. */
  async end(): Promise<void> {
    const { stdout } = await this.paude('list');
    const names = stdout.split('\n').map((line) => line.split('\t')[0]!);
    const mine = names.filter((name) => name.startsWith(this.session('')));
    const gone = await Promise.all(mine.map((name) => this.paude('delete', name, '--confirm')));
    rmSync(this.root, { recursive: true, force: true });
    for (const { code, stderr } of gone) if (code !== 0) throw new Error(stderr);
  }
}

/** Waits until something is so, by looking at it again and again; gives what it was at last. */
export async function until<T>(
  look: () => T | Promise<T>,
  isSo: (value: T) => boolean,
  milliseconds = 60_000,
): Promise<T> {
  const end = Date.now() + milliseconds;
  for (;;) {
    const value = await look();
    if (isSo(value)) return value;
    if (Date.now() > end) throw new Error(`this did not come: ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
