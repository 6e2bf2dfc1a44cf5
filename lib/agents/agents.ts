import { isIP } from 'node:net';
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

/** The environment for a program that has no use for an agent's secrets: one that it hands on, others could read. */
export function withoutSecrets(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const names = new Set(Object.values(agents).flatMap(({ secrets }) => Object.keys(secrets)));
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.has(name)));
}

/**
 * The hosts that an agent needs, by what a shell's environment says of its provider and of where its API is: that
 * first, for without it the agent does not work. An API on the session's own machine needs none. Throws USAGE where a
 * variable has an address in the place of a name, or no URL.
 */
export function agentHosts(agent: Agent, env: NodeJS.ProcessEnv): readonly string[] {
  const isSet = (name: string) => !['', '0', 'false'].includes(env[name] ?? '');
  const provider = agent.hosts.find(({ when }) => when === undefined || isSet(when));
  const places = agent.baseUrls.flatMap((name) => hostOfUrl(name, env[name] ?? '') ?? []);
  return [...places, ...(provider?.hosts ?? [])];
}

function hostOfUrl(variable: string, text: string): string | undefined {
  if (text === '') return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.port === '0') throw noUrl(variable);
  if (/^(localhost\.?|127\.[0-9.]+|\[::1\])$/.test(url.hostname)) return undefined;
  const address = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(address) !== 0)
    throw new PaudeError('USAGE', `${variable} names the address ${address}: only names can be allowed`, {
      hint: `give ${variable} the name of that host, or make the session with --allow-network`,
    });
  if (!/^[a-z0-9._-]+$/.test(url.hostname)) throw noUrl(variable);
  const isPlain = url.protocol === 'http:';
  return `${isPlain ? 'http' : 'https'}://${url.hostname}:${url.port || (isPlain ? 80 : 443)}`;
}

function noUrl(variable: string): PaudeError {
  return new PaudeError('USAGE', `${variable} is no URL of a host that can be allowed`, {
    hint: `give it one such as https://llm.example.com:8443, or unset ${variable}`,
  });
}
