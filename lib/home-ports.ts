import type { Host } from './credentials/host.ts';
import type { Plan } from './credentials/plan.ts';
import { quantityValue } from './names.ts';
import type { Credentials } from './session/credentials.ts';
import type { Description } from './session/session.ts';

/** What the house does with the user's home and with the hook of the repository that the program runs in. */
export function homePorts(home: string, env: NodeJS.ProcessEnv) {
  const host: Host = {
    home,
    env,
    platform: process.platform,
    gitConfig: async () => (await import('./git/user-config.ts')).userConfig(home, process.cwd(), env),
    keychain: async (service) => (await import('./credentials/keychain.ts')).readKeychain(service, env),
  };

  async function credentialsFor({ agent, memory }: Description, from: Host): Promise<Credentials> {
    const [{ credentialsOf }, { agentNamed }] = await Promise.all([
      import('./credentials/credentials.ts'),
      import('./agents/agents.ts'),
    ]);
    return credentialsOf(agentNamed(agent), from, memory === undefined ? undefined : quantityValue(memory));
  }

  /** Which files of the user's home would go to a session of this agent, and which stay. */
  async function plan(agent: string): Promise<Plan> {
    const [{ planHome }, { agentNamed }] = await Promise.all([
      import('./credentials/credentials.ts'),
      import('./agents/agents.ts'),
    ]);
    return planHome(agentNamed(agent), host, true);
  }

  return {
    /** What of the user's home a session gets. */
    credentials: (description: Description) => credentialsFor(description, host),
    hookCredentials: (description: Description) =>
      credentialsFor(description, { ...host, outsideShell: true }),
    plan,
    findHook: async () => (await import('./git/hooks.ts')).findHook(process.cwd(), env),
    installHook: async (chain: boolean) =>
      (await import('./git/hooks.ts')).installHook(process.cwd(), env, chain),
    uninstallHook: async () => (await import('./git/hooks.ts')).uninstallHook(process.cwd(), env),
  };
}
