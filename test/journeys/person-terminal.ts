import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { World } from './world.ts';

let terminals = 0;

/** What a person has: a folder for scripts, a repository to work in, an environment. */
type Person = Pick<World, 'root' | 'repository' | 'env'>;

/** A person's terminal: a tmux of this machine, with a server of its own. */
export class PersonTerminal {
  readonly #world: Person;
  readonly #socket = `paude-test-${process.pid}-${terminals++}`;

  /** Runs a line of the shell; `secrets` are in its environment only, and in nobody's arguments. */
  constructor(
    world: Person,
    line: string,
    secrets: Readonly<Record<string, string>> = {},
    [columns, rows]: readonly [number, number] = [120, 40],
  ) {
    this.#world = world;
    const script = join(world.root, `${this.#socket}.sh`);
    const exports = Object.entries(secrets).map(([name, value]) => `export ${name}='${value}'\n`);
    writeFileSync(script, `${exports.join('')}${line}\necho "ended with $?"\nexec sleep 1000\n`, {
      mode: 0o600,
    });
    this.#tmux('new-session', '-d', '-x', String(columns), '-y', String(rows), `exec sh '${script}'`);
  }

  screen = (): string => this.#tmux('capture-pane', '-p');

  keys(...keys: string[]): void {
    this.#tmux('send-keys', ...keys);
  }

  /** A line of text, and the key that ends it. */
  type(text: string): void {
    this.keys('-l', text);
    this.keys('Enter');
  }

  /** The keys that leave a session's tmux. */
  detach(): void {
    this.keys('C-b', 'd');
  }

  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  end(): void {
    this.#tmux('kill-server');
  }

  #tmux(...args: string[]): string {
    const options = { cwd: this.#world.repository, env: this.#world.env, encoding: 'utf8' } as const;
    return spawnSync('tmux', ['-L', this.#socket, '-f', '/dev/null', ...args], options).stdout;
  }
}
