import type { CoreV1Event } from '@kubernetes/client-node';
import { setTimeout as wait } from 'node:timers/promises';
import { isPaudeError, type PaudeError } from '../../errors.ts';
import type { SessionName } from '../../names.ts';
import { ApiStatus } from './api-connection.ts';
import { paths, type Cluster } from './cluster.ts';
import { isPassing, kubernetesError } from './kubernetes-errors.ts';
import { podOf, proxyName, type Part } from './network-objects.ts';
import { objectName } from './objects.ts';
import { cantStart } from './stuck-pod.ts';

/** What a cluster tells of a session's start, besides what its pods are. */
export type StartEvent =
  /** The pod of a part can't be made: quota, admission. It is over once there is a pod. */
  | { readonly type: 'refused'; readonly part: Part; readonly error: PaudeError }
  /** The volume can't be made; `final` where trying again can't help. It is over once a node was found. */
  | { readonly type: 'volume'; readonly final: boolean; readonly error: PaudeError }
  /** What the node does for the pod of a part, for people. */
  | { readonly type: 'doing'; readonly part: Part; readonly text: string };

/** What has the most events of a namespace, and is never of a session. */
const query = {
  fieldSelector: ['ReplicaSet', 'Deployment', 'Job', 'CronJob', 'HorizontalPodAutoscaler']
    .map((kind) => `involvedObject.kind!=${kind}`)
    .join(),
};
/** Between two tries to reach an API server that is away; milliseconds. */
const pause = 500;

/**
 * What is told from now on. Of nearly all events of the namespace, for a selector knows no `or`, and a session has
 * events of its StatefulSets, its claim and its pods. Who may not see events hears nothing.
 */
export async function* startEvents(
  cluster: Cluster,
  name: SessionName,
  signal: AbortSignal,
): AsyncGenerator<StartEvent> {
  const path = paths.events(cluster.namespace);
  let from: string | undefined;
  while (!signal.aborted) {
    try {
      from ??= await presentVersion(cluster, path, signal);
      const since = { ...query, resourceVersion: from };
      for await (const { type, object } of cluster.connection.watch<CoreV1Event>(path, since, signal)) {
        from = object.metadata.resourceVersion ?? from;
        // One that is deleted is only too old.
        const event = type === 'DELETED' ? undefined : startEvent(cluster, name, object);
        if (event !== undefined) yield event;
      }
    } catch (cause) {
      const error = kubernetesError('watch its events', cluster, cause);
      if (signal.aborted || isPaudeError(error, 'FORBIDDEN')) return;
      if (cause instanceof ApiStatus && cause.code === 410) from = undefined;
      // For how long it may be away is for the watch of the pods to say.
      else if (!isPassing(error)) throw error;
      await wait(pause, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function presentVersion(cluster: Cluster, path: string, signal: AbortSignal): Promise<string> {
  const options = { query: { ...query, limit: '1' }, signal };
  const { metadata } = await cluster.ask<{ metadata: { resourceVersion: string } }>(
    'look at its events',
    'GET',
    path,
    options,
  );
  return metadata.resourceVersion;
}

/** What one event says of a session's start; undefined where nothing. */
export function startEvent(cluster: Cluster, name: SessionName, event: CoreV1Event): StartEvent | undefined {
  const { kind, name: object } = event.involvedObject;
  if (kind === 'PersistentVolumeClaim')
    return object === objectName(name) ? ofClaim(cluster, name, event) : undefined;
  for (const part of ['session', 'proxy'] as const) {
    const set = part === 'session' ? objectName(name) : proxyName(name);
    if (kind === 'StatefulSet' && object === set) return ofSet(cluster, name, part, event);
    if (kind === 'Pod' && object === podOf(name, part).pod) return ofPod(part, event);
  }
  return undefined;
}

function ofSet(cluster: Cluster, name: SessionName, part: Part, event: CoreV1Event): StartEvent | undefined {
  const { reason, message = '' } = event;
  if (reason !== 'FailedCreate') return undefined;
  const code = /exceeded quota/.test(message) ? 'QUOTA_EXCEEDED' : 'ADMISSION_REFUSED';
  return { type: 'refused', part, error: cantStart(cluster, name, part, code, message || reason) };
}

/** Reasons of the PersistentVolume controller, and of the provisioners (sig-storage-lib-external-provisioner). */
function ofClaim(cluster: Cluster, name: SessionName, event: CoreV1Event): StartEvent | undefined {
  const { reason, message = '' } = event;
  if (reason !== 'ProvisioningFailed' && reason !== 'FailedBinding') return undefined;
  const final = /storageclass\S* "[^"]*" not found|no storage class is set/.test(message);
  return {
    type: 'volume',
    final,
    error: cantStart(cluster, name, 'session', 'POD_PENDING', message || reason),
  };
}

/** Reasons of the kubelet; it tells an image's size once it has it. */
function ofPod(part: Part, { reason, message = '' }: CoreV1Event): StartEvent | undefined {
  const text = (): string | undefined => {
    if (reason === 'Pulling') return message.replace(/^P/, 'p');
    if (reason === 'FailedMount' || reason === 'FailedAttachVolume') return `mounting the volume: ${message}`;
    const size = reason === 'Pulled' ? /Image size: (\d+) bytes/.exec(message)?.[1] : undefined;
    return size && `creating the container; its image of ${Math.round(Number(size) / 1e6)} MB is there`;
  };
  const said = text();
  return said === undefined ? undefined : { type: 'doing', part, text: said };
}
