import type { KubernetesObject } from '@kubernetes/client-node';
import { randomUUID } from 'node:crypto';
import type { PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import { timeLimit } from '../../waiting.ts';
import { ApiStatus } from './api-connection.ts';
import { findSet, type Cluster } from './cluster.ts';
import { kubernetesError } from './kubernetes-errors.ts';
import { keys, manager } from './objects.ts';
import { isOurs } from './query.ts';
import type { Wanted } from './settle-object.ts';
import { belated, isUncertain, persistent, uninterrupted } from './uninterrupted.ts';

/** Undoing must not be interrupted by what made it necessary. Milliseconds. */
const undoTime = 30_000;

/** Makes objects, and knows what to remove when not all of them could be made. */
export interface Maker {
  /** Undefined where it is there already. Not ended by an interrupt: whether it was made must be known, to be undone. */
  make<T extends KubernetesObject>(wanted: Wanted<T>): Promise<T | undefined>;
  /** What was made, also where the answer that told so was lost. */
  undo(): Promise<void>;
  /** Nothing where another creator's session of the name is there, for that may consist of what was made here. */
  undoUnlessOvertaken(name: SessionName): Promise<void>;
}

export function makerIn(cluster: Cluster): Maker {
  // By it an object is known of which no answer has told the uid.
  const id = randomUUID();
  const made = new Map<Wanted, string | undefined>();
  return {
    async make(wanted) {
      const { metadata } = wanted.body;
      const annotations = { ...metadata?.annotations, [keys.create]: id };
      const marked = { ...wanted, body: { ...wanted.body, metadata: { ...metadata, annotations } } };
      try {
        const object = await post(cluster, marked);
        if (object !== undefined) made.set(wanted, object.metadata?.uid);
        return object;
      } catch (error) {
        if (isUncertain(error as PaudeError)) made.set(wanted, undefined);
        throw error;
      }
    },
    async undo() {
      const work = [...made].map(async ([wanted, known]) => {
        const uid = known ?? (await uidOf(cluster, wanted, id));
        if (uid !== undefined) await remove(cluster, wanted, uid);
      });
      // What can't be undone must not hide why it had to be; a `delete` takes it, and the next `create` uses it.
      await Promise.allSettled(work);
      made.clear();
    },
    async undoUnlessOvertaken(name) {
      if (!(await isOvertaken(cluster, name, id))) await this.undo();
    },
  };
}

/** Whether the session of the name is another `create`'s. Where that can't be seen, all is to be undone. */
async function isOvertaken(cluster: Cluster, name: SessionName, id: string): Promise<boolean> {
  const look = () => findSet(cluster, name, timeLimit(undoTime));
  const set = await persistent(look).catch(() => undefined);
  if (set === undefined || !isOurs(set) || set.metadata?.deletionTimestamp !== undefined) return false;
  return set.metadata?.annotations?.[keys.create] !== id;
}

/** Undefined where it is there already. */
export async function post<T extends KubernetesObject>(
  cluster: Cluster,
  { what, path, body }: Wanted<T>,
): Promise<T | undefined> {
  const query = { fieldManager: manager };
  try {
    const asking = uninterrupted((signal) =>
      cluster.connection.request<T>('POST', path, { body, query, signal }),
    );
    return (await asking).body;
  } catch (error) {
    if (error instanceof ApiStatus && error.reason === 'AlreadyExists') return undefined;
    throw kubernetesError(what, cluster, error);
  }
}

/** The uid of an object of this very `create`, if there is one. */
async function uidOf(cluster: Cluster, wanted: Wanted, id: string): Promise<string | undefined> {
  const look = () => {
    const signal = timeLimit(undoTime);
    return cluster.find<KubernetesObject>('look for what was made', pathOf(wanted), signal);
  };
  const found = await belated(look);
  return found?.metadata?.annotations?.[keys.create] === id ? found.metadata.uid : undefined;
}

/** Of that very object only, and never of one that somebody made in its place. */
async function remove(cluster: Cluster, wanted: Wanted, uid: string): Promise<void> {
  const body = { preconditions: { uid }, propagationPolicy: 'Background' };
  await persistent(() => {
    const signal = timeLimit(undoTime);
    return cluster.ask('undo what was made', 'DELETE', pathOf(wanted), { body, signal });
  });
}

function pathOf({ path, body }: Wanted): string {
  return `${path}/${body.metadata?.name}`;
}
