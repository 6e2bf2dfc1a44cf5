// What the cluster has of the machine: namespaces of its own (network, mounts, processes), a network cable to them,
// a control group, and a few kernel settings that the kubelet changes and that are put back.
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { must, run } from './build.mjs';

const controllers = '/sys/fs/cgroup';
/** Settings of the whole kernel that the kubelet sets (kubernetes, pkg/kubelet/cm, setupKernelTunables). */
const settings = ['vm/overcommit_memory', 'vm/panic_on_oom', 'kernel/panic', 'kernel/panic_on_oops'].concat(
  ['root_maxkeys', 'root_maxbytes'].map((key) => `kernel/keys/${key}`),
);
/** Written to by containerd, the kubelet and network plugins, wherever their own folders are. */
const covered = ['/run', '/var/lib', '/var/log'];

/**
 * Makes the namespaces, held by a process whose end is the end of everything in them, and a pair of addresses:
 * `host` on this machine's side, `address` on the cluster's. Gives what is needed to enter and to end it.
 */
export async function makeHost(name) {
  const keep = 'while :; do sleep 3600 & wait $!; done';
  const flags = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const holder = spawn('unshare', [...flags, 'bash', '-c', keep], { stdio: 'ignore', detached: true });
  holder.unref();
  const pid = await firstChild(holder.pid);
  const number = freeNetwork();
  const [host, address] = [1, 2].map((end) => `10.213.${number}.${end}`);
  const made = { name, holder: holder.pid, pid, host, address, settings: readSettings() };
  must('ip', ['link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid)]);
  must('ip', ['address', 'add', `${host}/30`, 'dev', name]);
  must('ip', ['link', 'set', name, 'up']);
  for (const args of [
    ['link', 'set', 'lo', 'up'],
    ['address', 'add', `${address}/30`, 'dev', 'eth0'],
    ['link', 'set', 'eth0', 'up'],
    ['route', 'add', 'default', 'via', host],
  ])
    inside(made, ['ip', ...args]);
  for (const folder of covered) inside(made, ['mount', '-t', 'tmpfs', 'tmpfs', folder]);
  inside(made, ['sysctl', '-qw', 'net.ipv4.ip_forward=1']);
  for (const controller of controllerFolders()) mkdirSync(join(controller, name), { recursive: true });
  return made;
}

/** Ends everything that runs in it, and puts the machine back as it was. */
export async function endHost({ name, holder, pid, settings: before }) {
  if (isHolder(holder)) for (const one of [pid, holder]) process.kill(one, 'SIGKILL');
  // The namespace ends when its dead have been taken notice of: by nsenter, which may have been stopped.
  const above = entering({ pid }, []).slice(0, 3).join('\0');
  for (const one of processesWith((line) => line.startsWith(`${above}\0`))) process.kill(one, 'SIGCONT');
  await waitFor('the cluster’s processes have ended', () => !isAlive(pid));
  run('ip', ['link', 'delete', name]);
  for (const controller of controllerFolders()) await removeGroup(join(controller, name));
  for (const [path, value] of Object.entries(before)) writeFileSync(path, value);
}

/** The arguments that run a command inside. */
export function entering({ pid }, command) {
  return ['nsenter', '--target', String(pid), '--mount', '--net', '--pid', '--', ...command];
}

export function inside(host, command, options) {
  const [program, ...args] = entering(host, command);
  return must(program, args, options);
}

/** A machine that was started anew may have given the number to another process. */
function isHolder(pid) {
  return isAlive(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('unshare\0');
}

/** Whether the cluster's namespaces are still held. */
export function isHeld({ holder }) {
  return isHolder(holder);
}

export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** The numbers of the processes whose command line, with a NUL between its arguments, is one of these. */
export function processesWith(isOne) {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        return isOne(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replace(/\0$/, ''));
      } catch (error) {
        // It ended while we looked.
        if (error.code === 'ENOENT' || error.code === 'ESRCH') return false;
        throw error;
      }
    })
    .map(Number);
}

/** Waits until something is so; half a minute at most. */
export async function waitFor(what, isSo, milliseconds = 30_000) {
  const end = Date.now() + milliseconds;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function firstChild(pid) {
  let child = '';
  const look = () => (child = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()) !== '';
  await waitFor('the namespaces are made', look);
  return Number(child.split(' ')[0]);
}

function freeNetwork() {
  const taken = Object.values(networkInterfaces()).flatMap((all) => all.map(({ address }) => address));
  for (let number = 77; number < 250; number++)
    if (!taken.some((address) => address.startsWith(`10.213.${number}.`))) return number;
  throw new Error('no network 10.213.N.0 is free');
}

function readSettings() {
  const paths = settings.map((key) => `/proc/sys/${key}`);
  return Object.fromEntries(paths.map((path) => [path, readFileSync(path, 'utf8')]));
}

function controllerFolders() {
  // cgroup v1 has a folder for each controller, v2 is one tree.
  const names = readdirSync(controllers, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const isV1 = names.some(({ name }) => name === 'memory');
  return isV1 ? names.map(({ name }) => join(controllers, name)) : [controllers];
}

async function removeGroup(folder) {
  let entries;
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (error.code === 'ENOENT') return;
    throw error;
  }
  for (const entry of entries) if (entry.isDirectory()) await removeGroup(join(folder, entry.name));
  // A group is busy until the kernel has buried its processes.
  await waitFor(`${folder} is gone`, () => {
    try {
      rmdirSync(folder);
      return true;
    } catch (error) {
      if (error.code === 'EBUSY') return false;
      throw error;
    }
  });
}
