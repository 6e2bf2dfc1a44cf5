import type { Agent } from '../agents/agent.ts';
import type { Host } from './host.ts';
import type { Going, Plan } from './plan.ts';

/** What the agent needs of the user's shell: its secrets as files of their own, in the session's memory. */
export function planShell(agent: Agent, { env, outsideShell }: Host): Plan {
  const one = (name: string, folder: 'environment' | 'keys', why: string): readonly Going[] => {
    const value = env[name];
    const common = { part: 'login', to: `${folder}/${name}`, from: `$${name}` } as const;
    if (!value) return outsideShell === true ? [{ ...common, why, size: 0, source: { type: 'kept' } }] : [];
    const content = Buffer.from(value);
    return [{ ...common, why, size: content.length, source: { type: 'content', content } }];
  };
  return {
    going: [
      ...agent.fromShell.flatMap((name) => one(name, 'environment', 'a setting of the shell')),
      ...Object.keys(agent.secrets).flatMap((name) => one(name, 'keys', 'a login of the shell')),
    ],
    staying: [],
  };
}
