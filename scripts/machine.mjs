// Gets the machine ready for the tests and the demo: the programs, a Podman that runs containers, a base image.
// Plain Node. It never uses sudo; as root it installs, elsewhere it says what is missing.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { withAuthority } from '../test/outside/authority.mjs';

const packages = {
  git: 'git',
  openssl: 'openssl',
  tmux: 'tmux',
  'git-lfs': 'git-lfs',
  podman: 'podman',
  runc: 'runc',
  newuidmap: 'uidmap',
  slirp4netns: 'slirp4netns',
  'fuse-overlayfs': 'fuse-overlayfs',
  mmdebstrap: 'mmdebstrap',
  iptables: 'iptables',
  catatonit: 'catatonit',
};
const needed = ['git', 'openssl', 'tmux', 'podman'];
const debian = 'docker.io/library/debian:13-slim';
const ourDebian = 'localhost/paude-debian:13';
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'git-paude');
const isRoot = process.getuid?.() === 0;

/** Without a person to ask, and with the rights to change the machine. */
export const unattended = isRoot && (Boolean(process.env.CI) || !process.stdin.isTTY);

/**
 * Sets `process.env` for what comes after. Gives undefined when containers can be run, else the reason why not.
 * A person at a terminal is asked once, with each change listed.
 */
export async function prepareMachine() {
  process.env.PAUDE_CA_FILE ??= process.env.NODE_EXTRA_CA_CERTS ?? process.env.SSL_CERT_FILE ?? '';
  await installPrograms();
  const missing = needed.filter((program) => !onPath(program));
  if (missing.length > 0) return `${missing.join(', ')} not installed: apt-get install ${missing.join(' ')}`;
  process.env.PAUDE_CA_FILE = withAuthority(process.env.PAUDE_CA_FILE || undefined);
  return provideBaseImage() ?? makeContainersRun();
}

async function installPrograms() {
  const missing = Object.keys(packages).filter((program) => !onPath(program));
  if (missing.length === 0 || !isRoot || !onPath('apt-get')) return;
  const names = missing.map((program) => packages[program]);
  const changes = names.map((name) => `  apt-get install ${name}`).join('\n');
  if (!unattended && !(await agreed(`This changes the system:\n${changes}\nGo on? [y/N] `))) return;
  console.error(`installing ${names.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const stdio = ['ignore', 'ignore', 'inherit'];
  spawnSync('apt-get', ['update', '-qq'], { stdio, env });
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...names], { stdio, env });
}

async function agreed(question) {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const reply = await terminal.question(question);
  terminal.close();
  return /^y(es)?$/i.test(reply.trim());
}

/** Debian's image from its registry; where that can't be had, one of Debian's packages. */
function provideBaseImage() {
  if (process.env.PAUDE_BASE_IMAGE || imageExists(debian)) return undefined;
  if (!imageExists(ourDebian)) {
    const pulled = podman(['pull', '--quiet', debian], { timeout: 90_000 });
    if (pulled.status === 0) return undefined;
    console.error(`${debian} can't be pulled here: making a base image of Debian's packages, ${ourDebian}`);
    const failure = makeBaseImage();
    if (failure) {
      return (
        `no base image: ${debian} can't be pulled (${lastLine(pulled)}), and none can be made: ${failure}\n` +
        'name a Debian-like image that can be had: export PAUDE_BASE_IMAGE=REF'
      );
    }
  }
  process.env.PAUDE_BASE_IMAGE = ourDebian;
  return undefined;
}

function makeBaseImage() {
  if (!onPath('mmdebstrap')) return 'mmdebstrap is not installed: apt-get install mmdebstrap';
  mkdirSync(cache, { recursive: true });
  const archive = join(cache, 'debian-13.tar');
  const made = spawnSync('mmdebstrap', ['--quiet', '--variant=minbase', 'trixie', archive], {
    encoding: 'utf8',
  });
  const imported = made.status === 0 ? podman(['import', '--quiet', archive, ourDebian]) : made;
  rmSync(archive, { force: true });
  return imported.status === 0 ? undefined : lastLine(imported);
}

/** Where a plain container does not run, with a configuration of our own; the system's is left alone. */
function makeContainersRun() {
  const image = process.env.PAUDE_BASE_IMAGE || debian;
  const probe = () => podman(['run', '--rm', '--network=none', image, 'true'], { timeout: 60_000 });
  const first = probe();
  if (first.status === 0) return undefined;
  mkdirSync(cache, { recursive: true });
  const file = join(cache, 'containers.conf');
  const runtime = onPath('runc') ? '[engine]\nruntime = "runc"\n' : '';
  writeFileSync(file, `${runtime}[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n`);
  process.env.CONTAINERS_CONF = file;
  const second = probe();
  return second.status === 0 ? undefined : `Podman can't run a container: ${lastLine(second)}`;
}

function imageExists(image) {
  return podman(['image', 'exists', image]).status === 0;
}

function podman(args, options = {}) {
  return spawnSync('podman', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options });
}

function lastLine({ stderr, error }) {
  return (error?.message ?? stderr ?? '').trim().split('\n').at(-1);
}

function onPath(program) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...(isRoot ? ['/usr/sbin', '/sbin'] : [])];
  return folders.some((folder) => existsSync(join(folder, program)));
}
