import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The files below some folders, on their disks only, changed since a file was made, that hold one of the words. What is
 * mounted there (memory, above all) is left out.
 */
export function filesWith(
  words: readonly string[],
  folders: readonly string[],
  since: string,
): readonly string[] {
  const list = words.join('\n');
  const script =
    'since=$1; shift; find "$@" -xdev -type f \\( -newer "$since" -o -newercc "$since" \\) -print0 | xargs -0 -r grep -laF -e "$WORDS"';
  const done = spawnSync('sh', ['-c', script.replace('-newercc', '-cnewer'), 'sh', since, ...folders], {
    env: { PATH: process.env['PATH'], WORDS: list },
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  return done.stdout.split('\n').filter(Boolean);
}

/** Of all processes of this machine, those with a word in their arguments or environment: `PID FILE: COMMAND`. */
export function processesWith(words: readonly string[], file: 'cmdline' | 'environ'): readonly string[] {
  return processes().flatMap((pid) => {
    const text = read(`/proc/${pid}/${file}`);
    const found = words.filter((word) => text.includes(word));
    return found.length === 0 ? [] : [`${pid} ${file} (${commandOf(pid)}): ${found.map(nameOf).join(', ')}`];
  });
}

/** The files not below a folder that processes hold open whose command is of a kind, with a word in them. */
export function openFilesWith(words: readonly string[], command: RegExp, except: string): readonly string[] {
  return processes()
    .filter((pid) => command.test(commandOf(pid)))
    .flatMap((pid) =>
      linksIn(`/proc/${pid}/fd`).flatMap(([path, target]) => {
        if (target.startsWith(`${except}/`) || !isFile(path)) return [];
        const text = read(path);
        const found = words.filter((word) => text.includes(word));
        return found.length === 0
          ? []
          : [`${pid} ${target} (${commandOf(pid)}): ${found.map(nameOf).join(', ')}`];
      }),
    );
}

function processes(): readonly string[] {
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid));
}

function commandOf(pid: string): string {
  return read(`/proc/${pid}/cmdline`).split('\0').slice(0, 3).join(' ');
}

/** Of a process that may be over: each open file's path, and where it leads. */
function linksIn(folder: string): readonly (readonly [string, string])[] {
  try {
    return readdirSync(folder).map((name) => [join(folder, name), readlinkSync(join(folder, name))] as const);
  } catch {
    return [];
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** canary-NAME-… is told without what makes it a secret. */
export function nameOf(word: string): string {
  return word.replace(/-[0-9a-f]+$/, '');
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

/**
 * For a shell in the session: prints what holds a word and is not in memory: files of every mount but those in
 * memory, and the environments, arguments and open files of all processes. Words come on stdin, one a line.
 */
export const scanInside = `
words=$(cat)
has() { grep -qaF -e "$words" "$@" 2>/dev/null; }
for place in / /pvc; do
  find "$place" -xdev -type f -newer /proc/1 -print0 2>/dev/null | xargs -0 -r grep -laF -e "$words" 2>/dev/null | sed 's/^/file /'
done
for process in /proc/[0-9]*; do
  [ "$process" != "/proc/$$" ] || continue
  name=$(tr '\\0' ' ' <"$process/cmdline" | head -c 60)
  for what in environ cmdline; do
    if has "$process/$what"; then echo "$what $(grep -oaF -e "$words" "$process/$what" | sed 's/-[0-9a-f]*$//' | sort -u | tr '\\n' ' ')of $name"; fi
  done
  for file in "$process"/fd/*; do
    [ -f "$file" ] || continue
    case $(stat -L -f -c %T "$file" 2>/dev/null) in
      tmpfs | proc | '') ;;
      *) if has "$file"; then echo "open file $(readlink "$file") of $name"; fi ;;
    esac
  done
done
`;
