import type { Resolved } from './config/load-settings.ts';
import type { NetworkPorts } from './session/secure-network.ts';

interface House {
  readonly env: NodeJS.ProcessEnv;
  readonly ownSettings: () => Promise<Resolved>;
}

/** What a session's network needs of this shell. */
export function networkPorts({ env, ownSettings }: House): Pick<NetworkPorts, 'network'> {
  return {
    network: {
      agentHosts: async (agent) => {
        const { agentHosts, agentNamed } = await import('./agents/agents.ts');
        return agentHosts(agentNamed(agent), env);
      },
      upstreamLogin: async (url) => {
        const given = (await ownSettings()).values['upstream-proxy'];
        if (typeof given !== 'string') return undefined;
        const upstream = (await import('./egress/upstream-proxy.ts')).parseUpstream(given);
        return upstream.url === url ? upstream.login : undefined;
      },
      acceptUnenforced: async () => (await ownSettings()).values['accept-unenforced'] === true,
    },
  };
}
