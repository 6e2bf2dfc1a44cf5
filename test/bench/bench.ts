/**
 * Speed, measured in one run. Needs the built programs (argv[2]: the folder with git-paude and git-remote-paude)
 * and what scripts/machine.mjs sets up. Nothing here is asserted.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { cluster } from './cluster.ts';
import { credentials } from './credentials.ts';
import { image, ways } from './images.ts';
import { list, lifecycle } from './lifecycle.ts';
import { run } from './measure.ts';
import { startup } from './startup.ts';
import { memory, transfer } from './transfer.ts';

/** What each part works with. */
export interface Bench {
  /** A folder for everything that is made on the way. */
  readonly folder: string;
  /** The name of the session, and of what is made with bare Podman beside it: of this run only. */
  readonly session: string;
  paude(...args: string[]): Promise<string>;
}

const parts = { startup, transfer, memory, lifecycle, list, credentials, cluster, image, ways };

const programs = process.argv[2];
if (programs === undefined) throw new Error('usage: bench.ts FOLDER-OF-THE-PROGRAMS [PART…]');
const wanted = process.argv.slice(3);
const unknown = wanted.find((name) => !Object.hasOwn(parts, name));
if (unknown !== undefined) throw new Error(`no part ${unknown}; there are: ${Object.keys(parts).join(', ')}`);
process.env['PATH'] = `${programs}${delimiter}${process.env['PATH']}`;
const folder = await mkdtemp(join(tmpdir(), 'paude-bench-'));
const paude = (...args: string[]) => run('git-paude', args, { cwd: folder });
try {
  for (const [name, part] of Object.entries(parts)) {
    if (wanted.length === 0 || wanted.includes(name))
      await part({ folder, paude, session: `bench-${process.pid}` });
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
