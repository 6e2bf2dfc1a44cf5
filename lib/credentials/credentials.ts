import { setImmediate as turn } from 'node:timers/promises';
import type { Agent } from '../agents/agent.ts';
import type { Credentials } from '../session/credentials.ts';
import type { Host } from './host.ts';
import { missingLogin } from './logins.ts';
import { ownLoginEnds, planKeychain } from './own-login.ts';
import { checkSize, pack, roomIn } from './pack.ts';
import { joinPlans, type Going, type Plan } from './plan.ts';
import { agentFolder, planAgent, sessionHome } from './plan-agent.ts';
import { planGcloud } from './plan-gcloud.ts';
import { planGit } from './plan-git.ts';
import { planMarketplaces } from './plan-marketplaces.ts';
import { planShell } from './plan-shell.ts';

/** What of the user's home a session of this agent gets, of this name and with so many bytes of memory. Every call looks anew. */
export function credentialsOf(
  agent: Agent,
  host: Host,
  { memory, session }: { readonly memory?: number | undefined; readonly session?: string } = {},
): Credentials {
  const plans = {
    login: () => planShell(agent, host),
    tokens: () => planTokens(agent, host, false),
    config: () => planHome(agent, host, false),
  };
  return {
    parcel: async (part) => {
      // What was asked for just before gets going first.
      await turn();
      const plan = await plans[part]();
      checkSize(plan.going, roomIn(memory), session);
      return pack(plan, part);
    },
    loginEnds: () => ownLoginEnds(agent, host),
    missingLogin: () => missingLogin(agent, host, new Date(), session),
  };
}

/** What lives shortly in the home; `all`: also each file of the folders that stay. */
async function planTokens(agent: Agent, host: Host, all: boolean): Promise<Plan> {
  const { going } = planAgent(agent, host, 'top');
  return onePlace([
    { going: going.filter(({ part }) => part === 'tokens'), staying: [] },
    planGcloud(host, all),
    await planKeychain(agent, host),
  ]);
}

/** Which files go and which stay; `all`: also each file of the folders that stay. */
export async function planHome(agent: Agent, host: Host, all: boolean): Promise<Plan> {
  const { configuration } = agent;
  const others = await planMarketplaces(configuration, agentFolder(configuration, host), sessionHome, host);
  const { going, staying } = planAgent(agent, host, all ? 'all' : 'needed', others.rewrite);
  const config = going.filter(({ part }) => part === 'config');
  return onePlace([
    { going: config, staying },
    others.plan,
    await planGit(host),
    await planTokens(agent, host, all),
    planShell(agent, host),
  ]);
}

/** Of two for one place, the later one that can be read. */
function onePlace(plans: readonly Plan[]): Plan {
  const { going, staying } = joinPlans(plans);
  const places = new Map<string, Going>();
  for (const one of going)
    if (one.source.type !== 'unreadable' || !places.has(one.to)) places.set(one.to, one);
  return { going: [...places.values()], staying };
}
