import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Unpacks an archive with the system's own tar, and gives each file's text, or a link's target after `-> `. */
export function unpack(body: Uint8Array): ReadonlyMap<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'paude-unpack-'));
  const done = spawnSync('tar', ['-x', '-C', folder, '-f', '-'], { input: body, encoding: 'utf8' });
  if (done.status !== 0 || done.stderr !== '') throw new Error(`tar: ${done.status} ${done.stderr}`);
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const texts = entries.flatMap((entry): [string, string][] => {
    const file = join(entry.parentPath, entry.name);
    const path = file.slice(folder.length + 1);
    if (entry.isSymbolicLink()) return [[path, `-> ${readlinkSync(file)}`]];
    return entry.isFile() ? [[path, readFileSync(file, 'utf8')]] : [];
  });
  spawnSync('rm', ['-rf', folder]);
  return new Map(texts);
}
