import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** A git that has hooks in its configuration: the folder of the program, or why there is none. */
export type NewerGit = { readonly folder: string; readonly skip: undefined } | { readonly skip: string };

const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'git-paude');
/** What the program is made of, as Debian's newest release names it. */
const packages = ['git', 'libc6', 'libpcre2-8-0', 'zlib1g'];

/**
 * The machine's own git where that is new enough; else the one of Debian's newest packages, unpacked into a folder of
 * its own, with the libraries that it needs. Nothing of the machine is changed.
 */
export function newerGit(): NewerGit {
  if (isNewer('git')) return { folder: '/usr/bin', skip: undefined };
  const folder = join(cache, 'newer-git');
  const why = existsSync(folder) ? undefined : fetchTo(folder);
  if (why !== undefined) return { skip: `no git with hooks in its configuration: ${why}` };
  const bin = join(folder, 'bin');
  return isNewer(join(bin, 'git'))
    ? { folder: bin, skip: undefined }
    : { skip: 'the newer git does not run' };
}

function isNewer(program: string): boolean {
  const said = spawnSync(program, ['version'], { encoding: 'utf8' }).stdout ?? '';
  const [, major, minor] = /(\d+)\.(\d+)/.exec(said) ?? [];
  return Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 54);
}

/** Gives why it could not be had. */
function fetchTo(folder: string): string | undefined {
  const format = '$(REPO_URI) $(ORIGIN) $(SITE)';
  const targets =
    spawnSync('apt-get', ['indextargets', '--format', format], { encoding: 'utf8' }).stdout ?? '';
  const archive = /^(\S+\/debian\/) Debian /m.exec(targets)?.[1];
  if (archive === undefined) return "this machine has none of Debian's packages";
  const next = `${folder}.${process.pid}`;
  try {
    const apt = aptFor(archive, next);
    for (const args of [['update'], ['download', ...packages]]) {
      const done = spawnSync('apt-get', ['-qq', ...args], { cwd: next, env: apt, encoding: 'utf8' });
      if (done.status !== 0) return done.stderr.trim().split('\n').at(-1) ?? 'apt-get failed';
    }
    for (const file of readdirSync(next).filter((name) => name.endsWith('.deb')))
      spawnSync('dpkg-deb', ['--extract', file, 'root'], { cwd: next });
    writeProgram(next);
    rmSync(join(next, 'apt'), { recursive: true });
    // Another one may have been quicker.
    if (!existsSync(folder)) renameSync(next, folder);
    return undefined;
  } finally {
    rmSync(next, { recursive: true, force: true });
  }
}

/** An apt with lists and settings of its own. */
function aptFor(archive: string, folder: string): NodeJS.ProcessEnv {
  const apt = join(folder, 'apt');
  for (const path of ['state/lists/partial', 'cache/archives/partial'])
    mkdirSync(join(apt, path), { recursive: true });
  writeFileSync(join(apt, 'status'), '');
  const keys = '/usr/share/keyrings/debian-archive-keyring.gpg';
  writeFileSync(join(apt, 'sources.list'), `deb [signed-by=${keys}] ${archive} sid main\n`);
  const settings = {
    'Dir::Etc::sourcelist': join(apt, 'sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::State': join(apt, 'state'),
    'Dir::State::status': join(apt, 'status'),
    'Dir::Cache': join(apt, 'cache'),
    'APT::Sandbox::User': 'root',
  };
  const file = join(apt, 'apt.conf');
  writeFileSync(
    file,
    Object.entries(settings)
      .map(([key, value]) => `${key} "${value}";\n`)
      .join(''),
  );
  return { ...process.env, APT_CONFIG: file };
}

/** It runs with its own libraries, and so do the programs that it starts itself. */
function writeProgram(folder: string): void {
  const script = (root: string) => `#!/bin/sh
root=$(cd "$(dirname "$(readlink -f "$0")")/${root}" && pwd)
libraries=$(echo "$root"/usr/lib/*-linux-gnu*)
GIT_EXEC_PATH=$root/usr/lib/git-core exec "$libraries"/ld-linux-*.so.* --library-path "$libraries" "$root/usr/bin/git" "$@"
`;
  mkdirSync(join(folder, 'bin'));
  writeFileSync(join(folder, 'bin/git'), script('../root'), { mode: 0o755 });
  const inner = join(folder, 'root/usr/lib/git-core/git');
  rmSync(inner);
  writeFileSync(inner, script('../../..'), { mode: 0o755 });
}
