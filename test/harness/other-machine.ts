// Programs of another processor, and what runs them here: Debian's emulator and its busybox, both without installing.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'git-paude', 'other-machine');

/** The machine that this one is not. */
export const other = process.arch === 'arm64' ? 'amd64' : 'arm64';
/** As the emulator calls it, and its number in an ELF header (elf.h, `e_machine`). */
const [processor, machine] = other === 'arm64' ? ['aarch64', '\\xb7'] : ['x86_64', '\\x3e'];

/** What `uname -m` says on it. */
export const otherProcessor = processor;

/** Why the programs of the other machine can't be had, or can't be run here. */
export function whyNoEmulator(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return 'another machine is emulated only as root';
  for (const program of ['apt-get', 'dpkg', 'mmdebstrap', 'unshare'])
    if (spawnSync('which', [program]).status !== 0) return `it takes ${program}, which is not installed`;
  const mounted = spawnSync('unshare', ['--mount', 'mount', '-t', 'binfmt_misc', 'none', binfmt]);
  return mounted.status === 0 ? undefined : 'this kernel runs no programs of other machines';
}

const binfmt = '/proc/sys/fs/binfmt_misc';

/** A busybox of the other machine, with nothing beside it. */
export function otherBusybox(): string {
  return provided(`busybox-${other}`, (folder) => {
    const archive = join(folder, 'busybox.tar');
    const flags = ['--quiet', '--skip=check/qemu', '--variant=extract', '--include=busybox-static'];
    execFileSync('mmdebstrap', [...flags, `--arch=${other}`, 'trixie', archive], { stdio: 'pipe' });
    execFileSync('tar', ['-xf', archive, '-C', folder, './usr/bin/busybox']);
    return 'usr/bin/busybox';
  });
}

function emulator(): string {
  return provided(`qemu-${processor}`, (folder) => {
    execFileSync('apt-get', ['download', '-qq', 'qemu-user-static'], { cwd: folder, stdio: 'pipe' });
    const extract = `dpkg --fsys-tarfile qemu-user-static_*.deb | tar -x ./usr/bin/qemu-${processor}-static`;
    execFileSync('sh', ['-c', extract], { cwd: folder });
    return `usr/bin/qemu-${processor}-static`;
  });
}

/** A file of the cache, made when it is not there; `make` gives where it lies below its folder. */
function provided(name: string, make: (folder: string) => string): string {
  const path = join(cache, name);
  if (existsSync(path)) return path;
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), 'paude-other-'));
  try {
    // Both are small, and the cache may lie elsewhere.
    execFileSync('cp', [join(folder, make(folder)), `${path}.${process.pid}`]);
    renameSync(`${path}.${process.pid}`, path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return path;
}

/**
 * Has the kernel run programs of the other machine while `work` runs. What was registered goes with the mount
 * (binfmt_misc, Documentation/admin-guide), and the mount with the process that has it, however this one ends.
 */
export async function emulating(work: () => Promise<void>): Promise<void> {
  const magic = `\\x7fELF\\x02\\x01\\x01\\x00${'\\x00'.repeat(8)}\\x02\\x00${machine}\\x00`;
  const mask = `${'\\xff'.repeat(7)}\\x00${'\\xff'.repeat(8)}\\xfe\\xff\\xff\\xff`;
  const rule = `:paude-test-${process.pid}:M::${magic}:${mask}:${emulator()}:OCF`;
  const script = `mount -t binfmt_misc none ${binfmt} && printf %s "$0" > ${binfmt}/register && echo on && cat`;
  const holding = spawn('unshare', ['--mount', 'sh', '-c', script, rule], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(holding, 'close');
  try {
    const first = await Promise.race([once(holding.stdout, 'data'), ended]);
    if (String(first[0]) !== 'on\n') throw new Error(`no emulator: ${String(first)}`);
    await work();
  } finally {
    holding.stdin.end();
    await ended;
  }
}
