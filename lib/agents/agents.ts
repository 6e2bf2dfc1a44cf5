import { PaudeError } from '../errors.ts';
import type { Agent } from './agent.ts';
import { claude } from './claude.ts';

/** Every agent that a session can have, by name. */
export const agents: Readonly<Record<string, Agent>> = { claude };

/** The agent of this name. Throws USAGE with the names that there are. */
export function agentNamed(name: string): Agent {
  const agent = Object.hasOwn(agents, name) ? agents[name] : undefined;
  if (agent !== undefined) return agent;
  throw new PaudeError('USAGE', `there is no agent ${JSON.stringify(name)}`, {
    hint: `the agents are: ${Object.keys(agents).join(', ')}`,
  });
}

/** What an agent needs from a shell's environment, secrets among it: for the session's memory only. */
export function agentEnvironment(agent: Agent, env: NodeJS.ProcessEnv): ReadonlyMap<string, string> {
  const names = [...agent.fromShell, ...agent.secrets];
  return new Map(names.flatMap((name) => (env[name] ? [[name, env[name]] as const] : [])));
}
