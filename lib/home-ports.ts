import type { Host } from './credentials/host.ts';
import type { Plan } from './credentials/plan.ts';
import { quantityValue } from './names.ts';
import type { Credentials } from './session/credentials.ts';
import type { Location } from './session/location.ts';
import type { Session } from './session/session.ts';

/** What the house does with the user's home and with the hook of the repository that the program runs in. */
export function homePorts(home: string, env: NodeJS.ProcessEnv) {
  const hostWith = (env: NodeJS.ProcessEnv): Host => ({
    home,
    env,
    platform: process.platform,
    gitConfig: async () => (await import('./git/user-config.ts')).userConfig(process.cwd(), env),
    keychain: async (service, account) =>
      (await import('./credentials/keychain.ts')).readKeychain(service, account, env),
  });
  const host = hostWith(env);

  async function credentialsFor({ description, location }: Session, from: Host): Promise<Credentials> {
    const { agent, memory } = description;
    const [{ credentialsOf }, { agentNamed }] = await Promise.all([
      import('./credentials/credentials.ts'),
      import('./agents/agents.ts'),
    ]);
    return credentialsOf(agentNamed(agent), from, {
      memory: memory === undefined ? undefined : quantityValue(memory),
      session: location.name,
    });
  }

  /** What of the user's home a session gets, and once it has that, from what shell. */
  async function credentials(session: Session, from = host): Promise<Credentials> {
    const { description, location } = session;
    const brought = async () => {
      const [{ shellRecord, writeShellRecord }, { agentNamed }] = await Promise.all([
        import('./credentials/shell-record.ts'),
        import('./agents/agents.ts'),
      ]);
      await writeShellRecord(home, location, shellRecord(agentNamed(description.agent), from.env));
    };
    return { ...(await credentialsFor(session, from)), brought };
  }

  /** The same where the user's shell may be another one: of where things are, what that said when it was there. */
  async function hookCredentials(session: Session): Promise<Credentials> {
    const { inShell, isOutside, readShellRecord } = await import('./credentials/shell-record.ts');
    const record = await readShellRecord(home, session.location);
    const from = record === undefined ? host : hostWith(inShell(record, env));
    if (record !== undefined && !isOutside(record, env)) return credentials(session, from);
    return { ...(await credentialsFor(session, from)), outsideShell: true };
  }

  async function forgetShell(location: Location): Promise<void> {
    await (await import('./credentials/shell-record.ts')).forgetShellRecord(home, location);
  }

  /** Which files of the user's home would go to a session of this agent, and which stay. All are read for that. */
  async function plan(agent: string): Promise<Plan> {
    const [{ planHome }, { tryOut }, { agentNamed }] = await Promise.all([
      import('./credentials/credentials.ts'),
      import('./credentials/pack.ts'),
      import('./agents/agents.ts'),
    ]);
    return tryOut(await planHome(agentNamed(agent), host, true));
  }

  return {
    credentials: (session: Session) => credentials(session),
    hookCredentials,
    forgetShell,
    plan,
    findHook: async () => (await import('./git/hooks.ts')).findHook(process.cwd(), env),
    installHook: async (chain: boolean) =>
      (await import('./git/hooks.ts')).installHook(process.cwd(), env, chain),
    uninstallHook: async () => (await import('./git/hooks.ts')).uninstallHook(process.cwd(), env),
  };
}
