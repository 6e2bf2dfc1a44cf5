import { isPaudeError, PaudeError } from '../errors.ts';
import type { SessionName } from '../names.ts';
import { timeLimit } from '../waiting.ts';
import type { Backend, StartPhase } from './backend.ts';
import type { Report } from './events.ts';
import { formatLocation } from './location.ts';
import { existingNames, unknownSession } from './resolve-session.ts';
import type { Session } from './session.ts';
import { startBackend, type BackendPorts } from './start-backend.ts';
import { sessionWork, type SessionBranch } from './unsaved-branches.ts';

/** What a delete needs to know of the user's repository; outside of one there is nothing of either. */
export interface RepositoryPorts {
  /** Of these object ids, the ones that the repository has. */
  present(oids: readonly string[]): Promise<ReadonlySet<string>>;
  remotes(): Promise<readonly { readonly name: string; readonly url: string }[]>;
}

export interface DeletePlan {
  /** The remotes of this repository whose URL is this very session. */
  readonly remotes: readonly string[];
  /** Branches of the session whose head is not in this repository. */
  readonly unsaved: readonly SessionBranch[];
  readonly uncommitted: number;
  /** Why the session's repository could not be looked at, where it could not. */
  readonly unseen?: string;
  /** What an earlier delete or create has left, where there is no session any more; its remotes here may be all. */
  readonly left?: readonly string[];
}

/** What the user has said. */
export interface DeleteOptions {
  readonly confirmed: boolean;
  /** It may be somebody else's. */
  readonly notMine: boolean;
}

/** How long a stopped session may take to start for the question; milliseconds. */
const patience = 180_000;

/**
 * What a delete would remove, and what would be lost with it. A stopped session is started for the question and
 * stopped again. Of a session that is gone, what was left of it. Throws SESSION_UNKNOWN, and NOT_YOURS before anything
 * is touched.
 */
export async function planDelete(
  ports: BackendPorts,
  name: SessionName,
  repository: RepositoryPorts,
  options: DeleteOptions,
  report: Report,
  signal: AbortSignal,
): Promise<DeletePlan> {
  const { backend } = ports;
  // Asked for meanwhile, and not needed where there is no session.
  const whoami = backend.whoami(signal);
  whoami.catch(() => undefined);
  const assertMine = async (owner: string | undefined) => {
    if (!options.notMine && owner !== (await whoami)) throw notYours(name, owner, await whoami, options);
  };
  const session = await backend.get(name, signal);
  const url = formatLocation(session?.location ?? backend.locate(name));
  const remotes = (await repository.remotes())
    .filter((remote) => remote.url === url)
    .map((remote) => remote.name);
  const nothing = { remotes, unsaved: [], uncommitted: 0 };
  if (session === undefined) {
    const { objects, owner } = await backend.leftovers(name, signal);
    if (objects.length > 0) await assertMine(owner);
    else if (remotes.length === 0) throw unknownSession(name, await existingNames(backend, signal));
    return { ...nothing, left: objects };
  }
  await assertMine(session.owner);
  if (session.state === 'created') return nothing;
  try {
    const work = await workOf(ports, session, report, signal);
    const here = await repository.present(work.branches.map((branch) => branch.oid));
    const unsaved = work.branches.filter((branch) => !here.has(branch.oid));
    return { ...nothing, unsaved, uncommitted: work.uncommitted };
  } catch (error) {
    if (!isPaudeError(error) || signal.aborted || error.code === 'GIT_FAILED') throw error;
    return { ...nothing, unseen: error.message };
  }
}

async function workOf(ports: BackendPorts, session: Session, report: Report, signal: AbortSignal) {
  const name = session.location.name;
  if (session.state === 'running') return sessionWork(ports.backend, name, true, signal);
  report({ type: 'step', text: `looking for commits of ${name} that are not here` });
  const late = timeLimit(patience);
  const either = AbortSignal.any([signal, late]);
  let hasBegun = false;
  const onPhase = ({ begun }: StartPhase) => void (hasBegun ||= begun === true);
  await startBackend(ports, name, report, either, { alone: true, onPhase }).catch((error: unknown) => {
    if (!late.aborted || signal.aborted) throw error;
    throw new PaudeError('SESSION_FAILED', `the session ${name} did not start within ${patience / 1000} s`, {
      cause: error,
    });
  });
  try {
    return await sessionWork(ports.backend, name, false, signal);
  } finally {
    // Also when the user interrupts: a session that was stopped is left stopped, and one that was on its way runs.
    if (hasBegun) await stopAgain(ports.backend, name);
  }
}

/** What is still going when the time is over goes by itself. */
async function stopAgain(backend: Backend, name: SessionName): Promise<void> {
  await backend.stop(name, timeLimit(30_000)).catch((error: unknown) => {
    if (!isPaudeError(error, 'INTERRUPTED')) throw error;
  });
}

/** The sentences that say what would be lost. */
export function lossesOf(plan: DeletePlan): readonly string[] {
  const losses = plan.unsaved.map(
    ({ branch, oid }) => `${branch} is at ${oid.slice(0, 12)}, which is not in this repository`,
  );
  const paths = plan.uncommitted === 1 ? '1 path has' : `${plan.uncommitted} paths have`;
  if (plan.uncommitted > 0) losses.push(`${paths} changes that are not committed`);
  if (plan.unseen !== undefined)
    losses.push(`the session's repository could not be looked at: ${plan.unseen}`);
  if (plan.left !== undefined && plan.left.length > 0)
    losses.push(`the session is gone, and of it there is left: ${plan.left.join(', ')}`);
  return losses;
}

/** What would be removed, each a phrase; `place` follows what is of the session. */
export function removalsOf(name: SessionName, plan: DeletePlan, place = ''): readonly string[] {
  const remotes = plan.remotes.map((remote) => `the git remote ${remote}`);
  if (plan.left === undefined) return [`the session ${name} with its volume${place}`, ...remotes];
  return plan.left.length === 0 ? remotes : [`what is left of the session ${name}${place}`, ...remotes];
}

function notYours(
  name: SessionName,
  owner: string | undefined,
  me: string,
  { confirmed }: DeleteOptions,
): PaudeError {
  const whose = owner ?? 'somebody else';
  return new PaudeError('NOT_YOURS', `the session ${name} is ${whose}'s, and you are ${me}`, {
    hint: `git paude delete ${name}${confirmed ? ' --confirm' : ''} --not-mine`,
  });
}

/** The error of a delete that was not confirmed. */
export function unconfirmed(name: SessionName, { notMine }: DeleteOptions): PaudeError {
  return new PaudeError('UNCONFIRMED', `the session ${name} is not removed without --confirm`, {
    hint: `git paude delete ${name} --confirm${notMine ? ' --not-mine' : ''}`,
  });
}
