import type { Agent } from '../agents/agent.ts';
import type { Host } from './host.ts';
import { joinPlans, type Going, type Plan } from './plan.ts';
import { planApplicationVariable } from './plan-gcloud.ts';

/** What the agent needs of the user's shell: its secrets as files of their own, in the session's memory. */
export function planShell(agent: Agent, host: Host): Plan {
  const one = (name: string, folder: 'environment' | 'keys', why: string): readonly Going[] => {
    const value = host.env[name];
    if (!value) return [];
    const content = Buffer.from(value);
    const source = { type: 'content', content } as const;
    return [{ part: 'login', to: `${folder}/${name}`, from: `$${name}`, why, size: content.length, source }];
  };
  const going = [
    ...agent.fromShell.flatMap((name) => one(name, 'environment', 'a setting of the shell')),
    ...Object.keys(agent.secrets).flatMap((name) => one(name, 'keys', 'a login of the shell')),
  ];
  return joinPlans([{ going, staying: [] }, planApplicationVariable(host)]);
}
