// Builds dist/: two small programs, and the code they load when they need it, in shared pieces.
import { cp, readFile, rm, writeFile, chmod } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installDependencies } from './dependencies.mjs';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
// `npm pack` in a fresh clone comes here first.
installDependencies();
const { build } = await import('esbuild');
const { version } = JSON.parse(await readFile('package.json', 'utf8'));
const common = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  // The CommonJS of jsonc-parser is UMD, whose require() esbuild can't follow.
  mainFields: ['module', 'main'],
  target: 'node20.19',
  outdir: 'dist',
  logLevel: 'warning',
};

await rm('dist', { recursive: true, force: true });
const { metafile } = await build({
  ...common,
  entryPoints: { app: 'lib/app.ts', main: 'lib/cli/main.ts' },
  splitting: true,
  minifySyntax: true,
  minifyWhitespace: true,
  metafile: true,
  legalComments: 'none', // they stand in THIRD-PARTY-LICENSES, whole
  define: { PAUDE_VERSION: JSON.stringify(version) },
  // Bundled CommonJS packages call require() for Node's own modules.
  banner: {
    js: `import{createRequire as paudeRequire}from'node:module';const require=paudeRequire(import.meta.url);`,
  },
});

// The programs stay apart from what they import: an old Node must be able to read them.
await build({
  ...common,
  entryPoints: ['bin/git-paude.ts', 'bin/git-remote-paude.ts'],
  plugins: [{ name: 'built', setup: (builder) => builder.onResolve({ filter: /^\.\.\/lib\// }, toBuilt) }],
});
function toBuilt({ path }) {
  return { path: `./${path.split('/').at(-1).replace(/\.ts$/, '.js')}`, external: true };
}
for (const name of ['git-paude', 'git-remote-paude']) await chmod(`dist/${name}.js`, 0o755);

await cp('hooks', 'dist/hooks', { recursive: true });
await cp('lib/image/files', 'dist/image', { recursive: true });
await cp('lib/image/proxy', 'dist/proxy-image', { recursive: true });
await writeFile('dist/THIRD-PARTY-LICENSES', await notices(Object.keys(metafile.inputs)));

/** The licence of every package that went in, each once. */
async function notices(inputs) {
  const folders = new Set(
    inputs.map((input) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1]).filter(Boolean),
  );
  const texts = [];
  for (const folder of [...folders].sort()) {
    const described = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    const text = await licenceOf(folder, described);
    texts.push(`${described.name} ${described.version} (${described.license})\n\n${text.trim()}\n`);
  }
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}

async function licenceOf(folder, { license, author }) {
  for (const name of [
    'LICENSE',
    'LICENSE.md',
    'LICENCE',
    'LICENSE.txt',
    'license',
    'License',
    'LICENSE-MIT',
  ]) {
    const text = await readFile(join(folder, name), 'utf8').catch(() => undefined);
    if (text !== undefined) return text;
  }
  return `Licensed under ${license} by ${author?.name ?? author ?? dirname(folder)}.`;
}
