import type { Agent } from '../agents/agent.ts';
import type { ImageFile } from './image-files.ts';

/** Folders of the home that last, whichever the agent: what the package managers install, and their caches. */
const lastingTools = ['.npm-global', '.npm', '.local', '.cargo', '.cache'];

/** The files that tell the session about its agent; made of its data, never written by hand. */
export function agentFiles(agent: Agent): readonly ImageFile[] {
  const text = (path: string, content: string): ImageFile => ({ path, content, executable: false });
  const skeleton = Object.entries(agent.files).map(([path, content]) =>
    text(`session/skeleton/${path}`, `${JSON.stringify(content, null, 2)}\n`),
  );
  const lasting = [...lastingTools, ...agent.lasting].join('\n');
  return [...skeleton, text('session/lasting', `${lasting}\n`), text('session/agent.sh', agentScript(agent))];
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
    `paude_before_agent() {${agent.before}}`,
    '',
  ].join('\n');
}

/** A word of the shell that is exactly this text. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
