import type { Agent, SecretWay } from '../agents/agent.ts';
import type { ImageFile } from './image-files.ts';

/** Folders of the home that last, whichever the agent: what the package managers install, and their caches. */
const lastingTools = ['.npm-global', '.npm', '.local', '.cargo', '.cache'];

/** The files that tell the session about its agent; made of its data, never written by hand. */
export function agentFiles(agent: Agent): readonly ImageFile[] {
  const text = (path: string, content: string): ImageFile => ({ path, content, executable: false });
  const skeleton = Object.entries(agent.files).map(([path, content]) =>
    text(`session/skeleton/${path}`, `${JSON.stringify(content, null, 2)}\n`),
  );
  const rows = (paths: readonly string[]) => paths.map((path) => `${path}\n`).join('');
  return [
    ...skeleton,
    text('session/lasting', rows([...lastingTools, ...agent.lasting])),
    text('session/lasting-files', rows(agent.lastingFiles)),
    text('session/kept.json', `${JSON.stringify(agent.configuration.kept, null, 2)}\n`),
    text('session/agent.sh', agentScript(agent)),
  ];
}

function agentScript(agent: Agent): string {
  const words = (list: readonly string[]) => `(${list.map(quoted).join(' ')})`;
  return [
    '# What start-agent and agent-command know of the agent; made of its data.',
    `PAUDE_AGENT_COMMAND=${quoted(agent.command)}`,
    `PAUDE_AGENT_CONTINUE=${words(agent.continueArgs)}`,
    `PAUDE_AGENT_YOLO=${words(agent.yoloArgs)}`,
    ...Object.entries(agent.environment).map(([name, value]) => `export ${name}=${quoted(value)}`),
    `paude_has_conversation() { compgen -G "$HOME"/${quoted(agent.conversations)} >/dev/null; }`,
    'paude_agent_secrets() {',
    ...Object.entries(agent.secrets).map(([name, way]) => secretLine(name, way)),
    '  :',
    '}',
    '',
  ].join('\n');
}

/** Hands the agent's process one secret, whose file is in the folder $1. */
function secretLine(name: string, way: SecretWay): string {
  const file = `"$1/${name}"`;
  const hand =
    way === 'environment'
      ? `export ${name}="$(<${file})"`
      : `exec {paude_secret}<${file}; export ${way.descriptor}=$paude_secret`;
  return `  if [ -f ${file} ]; then ${hand}; fi`;
}

/** A word of the shell that is exactly this text. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
