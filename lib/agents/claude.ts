import type { Agent } from './agent.ts';
import { claudeConfiguration, workspace } from './claude-configuration.ts';

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
  // What was typed, for the arrow keys.
  lastingFiles: ['.claude/history.jsonl'],
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
    'CLAUDE_CODE_SKIP_BEDROCK_AUTH',
    'ANTHROPIC_VERTEX_PROJECT_ID',
    'ANTHROPIC_VERTEX_BASE_URL',
    'ANTHROPIC_BEDROCK_BASE_URL',
    'AWS_REGION',
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
  // Seen in its binary: it reads these two from open files. A bearer token of a gateway has no such way.
  secrets: {
    ANTHROPIC_API_KEY: { descriptor: 'CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR' },
    CLAUDE_CODE_OAUTH_TOKEN: { descriptor: 'CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR' },
    ANTHROPIC_AUTH_TOKEN: 'environment',
  },
  configuration: claudeConfiguration,
  hosts: [
    {
      when: 'CLAUDE_CODE_USE_VERTEX',
      // Regional, global and multi-regional (Vertex AI's documentation: endpoints); tokens, and acting for another
      // account. Not *.googleapis.com: any storage bucket is under it.
      hosts: [
        '*-aiplatform.googleapis.com',
        'aiplatform.googleapis.com',
        'aiplatform.us.rep.googleapis.com',
        'aiplatform.eu.rep.googleapis.com',
        'oauth2.googleapis.com',
        'sts.googleapis.com',
        'iamcredentials.googleapis.com',
      ],
    },
    { when: 'CLAUDE_CODE_USE_BEDROCK', hosts: [] },
    // Its own API, and what a login asks.
    { hosts: ['api.anthropic.com', 'platform.claude.com', 'console.anthropic.com', 'claude.ai'] },
  ],
  baseUrls: ['ANTHROPIC_BASE_URL', 'ANTHROPIC_VERTEX_BASE_URL', 'ANTHROPIC_BEDROCK_BASE_URL'],
  identity: { name: 'Claude', email: 'noreply@anthropic.com' },
};
