import type { NetworkPorts } from '../../lib/session/secure-network.ts';
import type { EnsureImage } from '../../lib/session/create-session.ts';

/** Ports for sessions that have no network of their own, such as those of plain folders. */
export const noNetwork: Pick<NetworkPorts, 'network'> & { readonly ensureProxyImage: EnsureImage } = {
  ensureProxyImage: async () => 'none',
  network: {
    agentHosts: async () => [],
    upstreamLogin: async () => undefined,
    acceptUnenforced: async () => false,
  },
};
