import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An image of our own with so many bytes of noise in each layer; gives its tag. */
export function smallImage(name: string, ...layers: readonly number[]): string {
  return madeImage(name, layers, ['CMD ["/none"]']);
}

/** The same with more lines in its Containerfile, and more flags for the build. */
export function madeImage(
  name: string,
  layers: readonly number[],
  lines: readonly string[],
  flags: readonly string[] = [],
): string {
  const context = mkdtempSync(join(tmpdir(), 'paude-small-'));
  const tag = `localhost/paude-small-${process.pid}:${name}`;
  try {
    const copies = layers.map((size, index) => {
      writeFileSync(join(context, `layer${index}`), randomBytes(size));
      return `COPY layer${index} /\n`;
    });
    writeFileSync(join(context, 'Containerfile'), `FROM scratch\n${copies.join('')}${lines.join('\n')}\n`);
    const label = ['--label', 'app.kubernetes.io/managed-by=git-paude'];
    const build = [
      'build',
      '--quiet',
      '--layers',
      '--format',
      'oci',
      ...label,
      ...flags,
      '--tag',
      tag,
      context,
    ];
    execFileSync('podman', build, { stdio: ['ignore', 'ignore', 'inherit'] });
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
  return tag;
}

/** Removes what `smallImage` made in this process. */
export function removeSmallImages(): void {
  const format = ['--format', '{{.Repository}}:{{.Tag}}'];
  const said = execFileSync('podman', ['images', ...format, `localhost/paude-small-${process.pid}`], {
    encoding: 'utf8',
  });
  const tags = said.split('\n').filter((tag) => tag.includes(`paude-small-${process.pid}`));
  if (tags.length > 0) execFileSync('podman', ['rmi', '--force', ...tags], { stdio: 'ignore' });
}
