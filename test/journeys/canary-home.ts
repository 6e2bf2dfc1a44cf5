import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface CanaryHome {
  /** By source: a word that stands nowhere else in the world. */
  readonly canaries: Readonly<Record<string, string>>;
  /** Writes a file again, with a new word in place of its old one, and gives that. */
  renew(source: string): string;
}

const sources = [
  'gcloud',
  'gcloud-db',
  'gitconfig',
  'gitconfig-included',
  'git-ignore',
  'settings',
  'memory',
  'credentials',
  'access-token',
  'refresh-token',
  'mcp-token',
  'state',
  'plugin',
  'excluded-history',
  'excluded-conversation',
  'excluded-cache',
  'key',
  'oauth',
  'bearer',
] as const;

/** A home with everything in it that is synced and that is not, a word of its own in every file. */
export function canaryHome(home: string): CanaryHome {
  const canaries: Record<string, string> = Object.fromEntries(
    sources.map((source) => [source, `canary-${source}-${randomBytes(9).toString('hex')}`]),
  );
  const json = (value: unknown) => JSON.stringify(value, null, 2);
  const plugins = '/Users/ada/.claude/plugins';
  /** A marketplace of her own, which she works on: the agent reads its plugins from there. */
  const side = join(home, 'side market');
  const files = (): Readonly<Record<string, string>> => ({
    '.config/gcloud/application_default_credentials.json': json({
      type: 'authorized_user',
      refresh_token: canaries['gcloud'],
    }),
    '.config/gcloud/credentials.db': canaries['gcloud-db']!,
    '.gitconfig': `[alias]\n\tcanary = ${canaries['gitconfig']}\n[include]\n\tpath = more\n`,
    more: `[alias]\n\tincluded = ${canaries['gitconfig-included']}\n`,
    '.config/git/ignore': `${canaries['git-ignore']}\n`,
    '.claude/settings.json': json({
      env: { CANARY: canaries['settings'] },
      enabledPlugins: { 'plug@market': true, 'aside@side': true },
      extraKnownMarketplaces: { side: { source: { source: 'directory', path: side } } },
    }),
    '.claude/CLAUDE.md': canaries['memory']!,
    '.claude/credentials.json': json({ token: canaries['credentials'] }),
    '.claude/.credentials.json': json({
      claudeAiOauth: {
        accessToken: canaries['access-token'],
        refreshToken: canaries['refresh-token'],
        expiresAt: Date.now() + 3_600_000,
        scopes: ['user:inference'],
      },
      mcpOAuth: { server: { refreshToken: canaries['mcp-token'] } },
    }),
    '.claude.json': json({ canary: canaries['state'], numStartups: 3 }),
    '.claude/plugins/known_marketplaces.json': json({
      market: {
        source: { source: 'github', repo: 'nobody/market' },
        installLocation: `${plugins}/marketplaces/market`,
        lastUpdated: '2026-01-01T00:00:00.000Z',
      },
      side: { source: { source: 'directory', path: side }, installLocation: side },
    }),
    '.claude/plugins/installed_plugins.json': json({
      version: 2,
      plugins: {
        'plug@market': [
          { scope: 'user', installPath: `${plugins}/cache/market/plug/1.0.0`, version: '1.0.0' },
        ],
        'aside@side': [{ scope: 'user', installPath: `${plugins}/cache/side/aside/1.0.0`, version: '1.0.0' }],
      },
    }),
    '.claude/plugins/marketplaces/market/.claude-plugin/marketplace.json': json({
      name: 'market',
      owner: { name: 'x' },
      plugins: [{ name: 'plug', source: './plug', description: 'd', version: '1.0.0' }],
    }),
    ...Object.fromEntries(
      ['marketplaces/market/plug', 'cache/market/plug/1.0.0'].flatMap((folder) =>
        Object.entries(plugin('plug')).map(([path, text]) => [`.claude/plugins/${folder}/${path}`, text]),
      ),
    ),
    'side market/.claude-plugin/marketplace.json': json({
      name: 'side',
      owner: { name: 'x' },
      plugins: [{ name: 'aside', source: './aside', description: 'd', version: '1.0.0' }],
    }),
    ...Object.fromEntries(
      ['side market/aside', '.claude/plugins/cache/side/aside/1.0.0'].flatMap((folder) =>
        Object.entries(plugin('aside')).map(([path, text]) => [`${folder}/${path}`, text]),
      ),
    ),
    '.claude/history.jsonl': canaries['excluded-history']!,
    '.claude/projects/-home-ada-x/1.jsonl': canaries['excluded-conversation']!,
    '.claude/cache/x': canaries['excluded-cache']!,
  });
  const plugin = (name: string): Readonly<Record<string, string>> => ({
    '.claude-plugin/plugin.json': json({ name, version: '1.0.0', description: canaries['plugin'] }),
    'hooks/hooks.json': json({
      hooks: { SessionStart: [{ hooks: [{ type: 'command', command: '${CLAUDE_PLUGIN_ROOT}/hooks/run' }] }] },
    }),
    'hooks/run': `#!/bin/sh\necho "$CLAUDE_PLUGIN_ROOT" >"$HOME/${name}-ran"\n`,
  });
  const write = () => {
    for (const [path, text] of Object.entries(files())) {
      const file = join(home, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      if (path.endsWith('/run')) chmodSync(file, 0o755);
    }
  };
  write();
  return {
    canaries,
    renew(source) {
      canaries[source] = `canary-${source}-${randomBytes(9).toString('hex')}`;
      write();
      return canaries[source]!;
    },
  };
}
