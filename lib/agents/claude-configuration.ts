import type { Configuration } from './agent.ts';

/** Where a session's repository is. */
export const workspace = '/pvc/workspace';

const sessions = 'belongs to a session';
const cached = 'a cache';
const copied = 'copies of a file that goes itself';
const logged = 'a log for debugging';
const installed = 'a program of this machine';
const identity = 'keys that identify this machine';

/** It sets these for itself over the session's own, without which nothing is reached there. */
const proxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY']
  .flatMap((name) => [name, name.toLowerCase()])
  .map((name) => ['env', name]);

/** What Claude Code keeps in a home, seen with 2.1.330. */
export const claudeConfiguration: Configuration = {
  folder: '.claude',
  variable: 'CLAUDE_CONFIG_DIR',
  stateFile: '.claude.json',
  earlyStateFile: '.config.json',
  excluded: {
    'history.jsonl': sessions,
    'tasks/': sessions,
    'todos/': sessions,
    'projects/': sessions,
    'plans/': sessions,
    'sessions/': sessions,
    'session-env/': sessions,
    'shell-snapshots/': sessions,
    'jobs/': sessions,
    'teams/': sessions,
    'uploads/': sessions,
    'paste-cache/': sessions,
    'image-cache/': sessions,
    'state/': sessions,
    'remote-control/': sessions,
    'worktrees/': sessions,
    // These are among what its own runner leaves out where it hands a folder on to sessions elsewhere.
    '.session_ingress_token': sessions,
    'server-sessions.json': sessions,
    'active-time.json': sessions,
    'bridge-spawn/': sessions,
    'file-transfers/': sessions,
    'remote/': sessions,
    'scratch/': sessions,
    'shares/': sessions,
    'storage-v2/': sessions,
    'backups/': copied,
    '.claude.json.backup*': copied,
    'cache/': cached,
    'stats-cache.json': cached,
    'mcp-needs-auth-cache.json': cached,
    'mcp-discovery-cache/': cached,
    'gh-pr-status-cache.json': cached,
    'statsig/': cached,
    'usage-data/': cached,
    'mcp-skill-archives/': cached,
    'debug/': logged,
    'file-history/': logged,
    'logs/': logged,
    'traces/': logged,
    'telemetry/': logged,
    'startup-perf/': logged,
    'dump-prompts/': logged,
    'feedback/': logged,
    'feedback-bundles/': logged,
    'api-dumps/': logged,
    'child-logs/': logged,
    'daemon.log': logged,
    'daemon.json': installed,
    'daemon*.status.json': installed,
    'daemon/': installed,
    'ide/': installed,
    'chrome/': installed,
    'local/': installed,
    'downloads/': installed,
    // Its binary calls them so. Who has them passes for this machine.
    '.device-keys*': identity,
    'hfi-auth.json': 'a login of this machine',
    'ccr/': installed,
    'seed-admin/': installed,
    'systemd/': installed,
    'computer-use.lock': installed,
    'server.lock': installed,
    '.last-cleanup': sessions,
    '.last-update-result.json': installed,
    '.update.lock': installed,
  },
  // Of one in a folder of the user's, it reads the plugins from there, and not from its cache.
  marketplaces: {
    known: 'plugins/known_marketplaces.json',
    location: 'installLocation',
    folder: 'plugins/marketplaces',
    catalogue: '.claude-plugin/marketplace.json',
  },
  naming: ['settings.json', 'settings.local.json', 'plugins/'],
  dropped: {
    '.claude.json': proxies,
    '.claude/settings.json': [
      ['apiKeyHelper'],
      ['awsAuthRefresh'],
      ['awsCredentialExport'],
      ['gcpAuthRefresh'],
      ['otelHeadersHelper'],
      ...proxies,
    ],
  },
  kept: {
    '.claude.json': [
      ['hasCompletedOnboarding'],
      ['lastOnboardingVersion'],
      ['fullscreenUpsellSeenCount'],
      ['bypassPermissionsModeAccepted'],
      ['projects', workspace, 'hasTrustDialogAccepted'],
      ['projects', workspace, 'hasCompletedProjectOnboarding'],
      ['projects', workspace, 'allowedTools'],
      ['projects', workspace, 'enabledMcpjsonServers'],
      ['projects', workspace, 'disabledMcpjsonServers'],
    ],
    '.claude/settings.json': [['skipDangerousModePermissionPrompt']],
  },
  login: {
    files: ['.credentials.json', 'credentials.json'],
    keychain: 'Claude Code-credentials',
    nobody: 'claude-code-user',
    keys: ['accessToken', 'expiresAt', 'scopes', 'subscriptionType', 'rateLimitTier'].map((key) => [
      'claudeAiOauth',
      key,
    ]),
    token: ['claudeAiOauth', 'accessToken'],
    renews: /"claudeAiOauth"\s*:\s*\{[^{}]*"refreshToken"\s*:\s*"/,
    expires: ['claudeAiOauth', 'expiresAt'],
    mend: 'claude, and there /login',
  },
  loginKeys: {
    '.claude.json': [['primaryApiKey']],
    'settings.json': [
      ['env', 'ANTHROPIC_API_KEY'],
      ['env', 'ANTHROPIC_AUTH_TOKEN'],
      ['env', 'CLAUDE_CODE_OAUTH_TOKEN'],
    ],
  },
  loginless: ['CLAUDE_CODE_SKIP_VERTEX_AUTH', 'CLAUDE_CODE_SKIP_BEDROCK_AUTH'],
};
