// A rootless Podman for the tests: a user of their own, and what such a user needs of the machine. Plain Node.
// Only as root, where nobody sits at a terminal; everything is put back by what `prepareRootless` gives.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unattended } from './machine.mjs';

const user = 'paude-tests';
const tunnel = '/dev/net/tun';

/**
 * Makes the user and loads an image into its storage. Sets `process.env` for what comes after: the program that is
 * its podman, or why there is none. Gives what puts everything back; it may be called twice.
 */
export function prepareRootless(image) {
  const undo = [];
  const putBack = () => {
    while (undo.length > 0) undo.pop()();
  };
  try {
    process.env.PAUDE_TEST_ROOTLESS = makeUser(image, undo);
  } catch (error) {
    process.env.PAUDE_TEST_ROOTLESS_SKIP = error.message;
    putBack();
  }
  return putBack;
}

function makeUser(image, undo) {
  if (!unattended) throw new Error('a user of the tests is made only as root, with CI set or no terminal');
  for (const program of ['useradd', 'setpriv', 'newuidmap', 'slirp4netns']) {
    if (run('which', [program]).status !== 0) throw new Error(`${program} is not installed`);
  }
  // What a run that was killed left behind.
  if (run('id', [user]).status === 0) removeUser();
  const home = mkdtempSync(join(tmpdir(), 'paude-rootless-'));
  undo.push(() => rmSync(home, { recursive: true, force: true }));
  undo.push(removeUser);
  must('useradd', ['--home-dir', home, '--no-create-home', '--shell', '/usr/sbin/nologin', user]);
  const id = Number(must('id', ['--user', user]));
  const runtime = join(home, 'run');
  mkdirSync(runtime, { mode: 0o700 });
  for (const folder of [home, runtime]) chownSync(folder, id, id);
  openTunnel(undo);
  shareMounts(undo);
  const program = join(home, 'podman');
  const env = [
    `HOME=${home}`,
    `XDG_RUNTIME_DIR=${runtime}`,
    `PATH=${process.env.PATH}`,
    'STORAGE_DRIVER=overlay',
  ];
  if (process.env.CONTAINERS_CONF) {
    const file = join(home, 'containers.conf');
    must('install', ['-m', '0644', process.env.CONTAINERS_CONF, file]);
    env.push(`CONTAINERS_CONF=${file}`);
  }
  const drop = `setpriv --reuid=${id} --regid=${id} --init-groups`;
  const text = `#!/bin/sh\ncd /\nexec env -i ${env.map(quoted).join(' ')} TERM="$TERM" ${drop} podman "$@"\n`;
  writeFileSync(program, text, { mode: 0o755 });
  const loaded = run('sh', ['-c', 'podman save "$1" | "$2" load --quiet', 'load', image, program]);
  if (loaded.status !== 0) throw new Error(`the image can't be loaded without root: ${loaded.stderr.trim()}`);
  return program;
}

function removeUser() {
  run('pkill', ['-KILL', '-u', user]);
  run('userdel', ['--force', user]);
}

/** As it is elsewhere (udev's own rule): whoever makes a network of his own needs it. */
function openTunnel(undo) {
  if (!existsSync(tunnel)) return;
  const mode = statSync(tunnel).mode & 0o7777;
  if (mode === 0o666) return;
  undo.push(() => chmodSync(tunnel, mode));
  chmodSync(tunnel, 0o666);
}

/** As systemd leaves it: else podman warns of every mount. */
function shareMounts(undo) {
  const mounts = must('findmnt', ['-lno', 'PROPAGATION,TARGET']).split('\n');
  const rows = mounts.map((row) => /^([a-z]+)\S*\s+(.*)$/.exec(row)).filter(([, kind]) => kind !== 'private');
  undo.push(() => {
    // First all: of mounts that lie over another one the path reaches only the last.
    must('mount', ['--make-rprivate', '/']);
    for (const [, kind, target] of rows) run('mount', [`--make-${kind}`, target]);
  });
  must('mount', ['--make-rshared', '/']);
}

function must(program, args) {
  const done = run(program, args);
  if (done.status !== 0)
    throw new Error(`${program} ${args.join(' ')}: ${done.stderr || done.error?.message}`);
  return done.stdout.trim();
}

function run(program, args) {
  return spawnSync(program, args, { encoding: 'utf8' });
}

function quoted(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
