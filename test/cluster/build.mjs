// What the test cluster consists of: programs built from Go modules, and Debian's packages unpacked beside them.
// Both are kept in a cache outside of the checkout, under a key of everything that decides what comes out.
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const caches = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'git-paude', 'cluster');

/** Unpacked, not installed: none of their services starts. With what nft needs to run from a folder. */
const packages = [
  'etcd-server',
  'containerd',
  'runc',
  'containernetworking-plugins',
  'docker-registry',
  'conntrack',
  'libnetfilter-conntrack3',
  'libnfnetlink0',
  'nftables',
  'libnftables1',
  'libnftnl11',
  'libjansson4',
  'libmnl0',
  'libxtables12',
  'libgmp10',
  'libedit2',
  'libbsd0',
  'libmd0',
];
/** Each program, and the folder of its module. */
const programs = { kubernetes: 'components', coredns: 'coredns', pause: 'pause' };

/** Why there can be no cluster on this machine; undefined where there can be one. */
export function whyNoCluster() {
  if (process.platform !== 'linux') return 'the test cluster runs on Linux only';
  if (process.getuid() !== 0) return 'the test cluster is started only as root';
  if (which('go') === undefined) return 'the test cluster is built with Go, which is not installed';
  for (const program of ['apt-get', 'dpkg', 'ip', 'nsenter', 'unshare', 'openssl', 'podman', 'iptables'])
    if (which(program) === undefined) return `the test cluster needs ${program}, which is not installed`;
  return undefined;
}

/**
 * The folder with everything built: `bin/` with the Go programs, `debian/` with Debian's. Builds what is missing;
 * `log` gets a line for each step that takes long. Throws with the end of what a failing build said.
 */
export function provideParts(log) {
  const folder = join(caches, key());
  if (existsSync(join(folder, 'complete'))) return folder;
  const making = `${folder}.${process.pid}`;
  rmSync(making, { recursive: true, force: true });
  try {
    mkdirSync(join(making, 'bin'), { recursive: true });
    log('building Kubernetes and CoreDNS (only once, some minutes)');
    for (const [program, module] of Object.entries(programs)) buildGo(module, join(making, 'bin', program));
    symlinkSync('kubernetes', join(making, 'bin/kubectl'));
    log("unpacking Debian's packages for the cluster");
    unpackDebian(join(making, 'debian'));
    for (const program of ['pause', 'coredns'])
      packImage(join(making, 'bin', program), join(making, `${program}.tar`));
    mkdirSync(join(making, 'complete'));
    rmSync(folder, { recursive: true, force: true });
    renameSync(making, folder);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return folder;
}

function key() {
  const hash = createHash('sha256').update(readFileSync(fileURLToPath(import.meta.url)));
  hash.update(run('go', ['version']).stdout);
  for (const module of Object.values(programs)) {
    for (const file of readdirSync(join(here, module)).sort())
      hash.update(file).update(readFileSync(join(here, module, file)));
  }
  return hash.digest('hex').slice(0, 16);
}

function buildGo(module, output) {
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly', GOTOOLCHAIN: 'local' };
  must('go', ['build', '-trimpath', '-ldflags=-s -w', '-o', output, '.'], { cwd: join(here, module), env });
}

function unpackDebian(target) {
  const archives = `${target}.archives`;
  mkdirSync(archives, { recursive: true });
  if (run('apt-get', ['download', ...packages], { cwd: archives }).status !== 0) {
    must('apt-get', ['update', '-qq']);
    must('apt-get', ['download', ...packages], { cwd: archives });
  }
  for (const archive of readdirSync(archives)) must('dpkg', ['-x', join(archives, archive), target]);
  rmSync(archives, { recursive: true });
}

/** An image that holds one static program and nothing else. */
function packImage(program, archive) {
  const tag = `localhost/${basename(program)}:1`;
  const context = mkdtempSync(join(tmpdir(), 'paude-image-'));
  try {
    writeFileSync(
      join(context, 'Containerfile'),
      'FROM scratch\nCOPY program /program\nENTRYPOINT ["/program"]\n',
    );
    cpSync(program, join(context, 'program'));
    must('podman', ['build', '--quiet', '--tag', tag, context]);
    must('podman', ['save', '--quiet', '--format', 'oci-archive', '--output', archive, tag]);
    must('podman', ['rmi', '--force', tag]);
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}

/** Runs a program to its end; throws with the last it said when it fails. */
export function must(program, args, options = {}) {
  const done = run(program, args, options);
  if (done.status === 0) return done.stdout;
  const said = `${done.stdout ?? ''}${done.stderr ?? ''}${done.error?.message ?? ''}`;
  throw new Error(`${program} ${args.join(' ')} failed: ${said.trim().split('\n').slice(-20).join('\n')}`);
}

export function run(program, args, options = {}) {
  return spawnSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 26, ...options });
}

function which(program) {
  return ['/usr/sbin', '/sbin', ...(process.env.PATH ?? '').split(':')]
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path));
}
