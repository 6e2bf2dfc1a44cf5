import type { Agent } from './agent.ts';

const workspace = '/pvc/workspace';

/** Claude Code, seen with 2.1.330. */
export const claude: Agent = {
  name: 'claude',
  command: 'claude',
  version: '2.1.330',
  packages: {
    amd64: {
      name: '@anthropic-ai/claude-code-linux-x64',
      integrity:
        'sha512-9Gn+V7DtJ8M1nztP9CeDVl9g3RtrepI7rOFTyPRRnZe8D6zebIHKmC7OvBauucuAP0X0k85SDN/LPVZyjsGezQ==',
    },
    arm64: {
      name: '@anthropic-ai/claude-code-linux-arm64',
      integrity:
        'sha512-V4yanAY5EA5UpwwRPtjSfqDbNqAlUJeVn3NYZw2AgmRHjdpSsLtHAzbxRXfkAnbjwTXzE0uedjQxUY02ARPcsA==',
    },
  },
  continueArgs: ['--continue'],
  yoloArgs: ['--dangerously-skip-permissions'],
  // It names a conversation's folder after the path it works in, with - for /.
  conversations: `.claude/projects/${workspace.replaceAll('/', '-')}/*.jsonl`,
  lasting: ['.claude/projects', '.claude/todos', '.claude/tasks', '.claude/plans', '.claude/file-history'],
  files: {
    // What it would ask on its first start in this folder.
    '.claude.json': {
      hasCompletedOnboarding: true,
      fullscreenUpsellSeenCount: 3,
      projects: { [workspace]: { hasTrustDialogAccepted: true } },
    },
    '.claude/settings.json': { skipDangerousModePermissionPrompt: true },
  },
  environment: {
    DISABLE_AUTOUPDATER: '1',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL: '1',
  },
  fromShell: [
    'CLAUDE_CODE_USE_VERTEX',
    'CLAUDE_CODE_USE_BEDROCK',
    'CLAUDE_CODE_SKIP_VERTEX_AUTH',
    'ANTHROPIC_VERTEX_PROJECT_ID',
    'ANTHROPIC_VERTEX_BASE_URL',
    'GOOGLE_CLOUD_PROJECT',
    'CLOUD_ML_REGION',
    'ANTHROPIC_BASE_URL',
    'ANTHROPIC_MODEL',
    'ANTHROPIC_SMALL_FAST_MODEL',
    'ANTHROPIC_DEFAULT_OPUS_MODEL',
    'ANTHROPIC_DEFAULT_SONNET_MODEL',
    'ANTHROPIC_DEFAULT_HAIKU_MODEL',
    'CLAUDE_CODE_MAX_OUTPUT_TOKENS',
    'MAX_THINKING_TOKENS',
  ],
  secrets: ['ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN', 'CLAUDE_CODE_OAUTH_TOKEN'],
  // It asks whether a key of the environment may be used, and knows it by its last 20 characters.
  before: `
  [ -n "\${ANTHROPIC_API_KEY:-}" ] || return 0
  node -e '
    const fs = require("fs"), { env } = process, file = env.HOME + "/.claude.json";
    const state = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")) : {};
    const approved = ((state.customApiKeyResponses ??= {}).approved ??= []);
    const tail = env.ANTHROPIC_API_KEY.slice(-20);
    if (!approved.includes(tail)) {
      approved.push(tail);
      fs.writeFileSync(file + ".new", JSON.stringify(state, null, 2), { mode: 0o600 });
      fs.renameSync(file + ".new", file);
    }'
`,
  identity: { name: 'Claude', email: 'noreply@anthropic.com' },
};
