/** Hosts that belong together, by the one word that allows them. */
export const hostGroups: Readonly<Record<string, readonly string[]>> = {
  // Any storage bucket is under it, and so anybody's: that is why it is not allowed by itself.
  googleapis: ['*.googleapis.com'],
  npm: ['registry.npmjs.org', 'registry.yarnpkg.com'],
  pypi: ['pypi.org', 'files.pythonhosted.org'],
  debian: ['deb.debian.org', 'deb.debian.org:80', 'security.debian.org', 'security.debian.org:80'],
  github: [
    'github.com',
    'api.github.com',
    'codeload.github.com',
    'objects.githubusercontent.com',
    'raw.githubusercontent.com',
    'release-assets.githubusercontent.com',
  ],
  crates: ['crates.io', 'index.crates.io', 'static.crates.io'],
  golang: ['proxy.golang.org', 'sum.golang.org'],
};
