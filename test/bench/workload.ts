import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { run } from './measure.ts';

const identity = ['-c', 'user.name=Bench', '-c', 'user.email=bench@example.com'];

/** A repository with one commit of so many megabytes that don't compress; git is not to look for likeness in them. */
export async function bigRepository(folder: string, megabytes: number): Promise<void> {
  await run('git', ['init', '-q', '-b', 'main', folder]);
  await run('git', ['-C', folder, 'config', 'core.bigFileThreshold', '1m']);
  await mkdir(join(folder, 'data'));
  for (let number = 0; number < megabytes / 10; number++) {
    await writeFile(join(folder, 'data', String(number)), randomBytes(10 * 2 ** 20));
  }
  await run('git', ['-C', folder, '-c', 'core.compression=0', 'add', '.']);
  await run('git', ['-C', folder, ...identity, 'commit', '-qm', 'data']);
}

/** A repository of so many commits, each changing one small file; made by git fast-import(1). */
export async function longRepository(folder: string, commits: number): Promise<void> {
  await run('git', ['init', '-q', '-b', 'main', folder]);
  const importer = spawn('git', ['-C', folder, 'fast-import', '--quiet'], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  for (let number = 0; number < commits; number++) {
    const text = `commit number ${number}\n`;
    importer.stdin.write(
      `commit refs/heads/main\ncommitter Bench <bench@example.com> ${1e9 + number} +0000\n` +
        `data ${text.length}\n${text}M 100644 inline file-${number % 100}\ndata ${text.length}\n${text}\n`,
    );
  }
  importer.stdin.end();
  await new Promise<void>((resolve, reject) =>
    importer.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`fast-import: ${code}`)))),
  );
}
