import { existsSync } from 'node:fs';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the session's files: beside this file in the source, beside the bundle in the package. */
export const imageFiles: URL = [
  new URL('./files/', import.meta.url),
  new URL('./image/', import.meta.url),
].find((folder) => existsSync(folder))!;

/** The same for the proxy's. */
export const proxyFiles: URL = [
  new URL('./proxy/', import.meta.url),
  new URL('./proxy-image/', import.meta.url),
].find((folder) => existsSync(folder))!;

export interface ImageFile {
  /** Its path below the build's context. */
  readonly path: string;
  readonly content: string;
  readonly executable: boolean;
}

/** Every file below a folder, in the order of their paths. */
export async function filesBelow(folder: URL): Promise<readonly ImageFile[]> {
  const root = fileURLToPath(folder);
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => {
      const file = join(entry.parentPath, entry.name);
      const { mode } = await stat(file);
      const content = await readFile(file, 'utf8');
      return { path: relative(root, file), content, executable: (mode & 0o100) !== 0 };
    });
  return (await Promise.all(files)).sort((a, b) => (a.path < b.path ? -1 : 1));
}

const certificate = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * The certificates of further authorities, as Debian's update-ca-certificates(8) wants them: each in a file of its own.
 * Of a file with several, Java's store would have the first only.
 */
export function authorityFiles(certificates = ''): readonly ImageFile[] {
  const file = (name: string, content: string) => ({ path: `ca/${name}`, content, executable: false });
  const each = [...new Set(certificates.match(certificate))];
  return [
    file('README', 'Certificates of further authorities.\n'),
    ...each.map((text, index) => file(`git-paude-${index + 1}.crt`, `${text}\n`)),
  ];
}
