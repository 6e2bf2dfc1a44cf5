import { createHash } from 'node:crypto';
import type {
  V1Container,
  V1PersistentVolumeClaim,
  V1PodSpec,
  V1Secret,
  V1StatefulSet,
} from '@kubernetes/client-node';
import { proxyEnvironment } from '../../egress/proxy-environment.ts';
import { quantityValue, type SessionName } from '../../names.ts';
import type { Description, SessionSpec } from '../../session/session.ts';
import { pullSecretOf, pullSecretsOf, secretNameOf } from './pull-secret.ts';

/** What everything of a session is labelled and annotated with. */
export const keys = {
  name: 'app.kubernetes.io/name',
  instance: 'app.kubernetes.io/instance',
  managedBy: 'app.kubernetes.io/managed-by',
  session: 'paude.io/session',
  /** `session` or `proxy`. */
  component: 'app.kubernetes.io/component',
  /** The rules of its network, where they have changed. */
  rules: 'paude.io/rules',
  /** A hash, for a label holds no user's name; the name is an annotation. */
  owner: 'paude.io/owner',
  ownerName: 'paude.io/owner-name',
  spec: 'paude.io/spec',
  /** When it was last started; a session without it never was. */
  started: 'paude.io/started',
  /** Which `create` made it: tells its own objects from those of another one, to undo them. */
  create: 'paude.io/create',
} as const;

export const manager = 'git-paude';
/** The container that commands run in. */
export const container = 'session';
/** The one that credentials land in: they share memory, which the other one can only read. */
export const writer = 'credentials';

/** The name of a session's StatefulSet and PersistentVolumeClaim. */
export function objectName(name: SessionName): string {
  return `paude-${name}`;
}

export function podName(name: SessionName): string {
  return `${objectName(name)}-0`;
}

/** Selects what is ours, of one session or of all. */
export function selector(name?: SessionName): string {
  const ours = `${keys.managedBy}=${manager}`;
  return name === undefined ? ours : `${ours},${keys.session}=${name}`;
}

/** Whose a session is, fit for a label. */
export function ownerLabel(user: string): string {
  return createHash('sha256').update(user).digest('hex').slice(0, 32);
}

/** What the cluster itself decides. */
export interface ClusterFacts {
  /** Users are assigned to pods by the namespace, as OpenShift does; a pod must not name one. */
  readonly assignsUsers: boolean;
}

export interface Manifests {
  readonly claim: V1PersistentVolumeClaim;
  readonly set: V1StatefulSet;
  /** The login with which its image is pulled, where one is to be made. */
  readonly secret?: V1Secret;
}

/** What everything of a session is labelled with. */
export function labelsOf(name: SessionName, user: string): Readonly<Record<string, string>> {
  return {
    [keys.name]: 'paude',
    [keys.instance]: name,
    [keys.managedBy]: manager,
    [keys.session]: name,
    [keys.owner]: ownerLabel(user),
  };
}

/**
 * A session as objects of a namespace: pure, for the same spec, user and cluster always the same. `proxy` is the
 * address of its way out, where it is filtered.
 */
export function manifests(spec: SessionSpec, user: string, facts: ClusterFacts, proxy?: string): Manifests {
  const name = objectName(spec.name);
  const labels = { ...labelsOf(spec.name, user), [keys.component]: 'session' };
  const metadata = { name, labels };
  const { pullSecret, ...kept } = spec;
  // Where its logins are, and never the logins.
  const pulled = pullSecret && { name: secretNameOf(spec), images: pullSecret.images };
  const { pvcSize, storageClass } = spec.description;
  return {
    ...(pullSecret !== undefined &&
      !('name' in pullSecret) && { secret: pullSecretOf(pullSecret, spec.name, labels) }),
    claim: {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata,
      spec: {
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: pvcSize ?? '10Gi' } },
        ...(storageClass === undefined ? {} : { storageClassName: storageClass }),
      },
    },
    set: {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: {
        ...metadata,
        annotations: { [keys.ownerName]: user, [keys.spec]: JSON.stringify({ ...kept, pullSecret: pulled }) },
      },
      spec: {
        replicas: 0,
        podManagementPolicy: 'Parallel',
        selector: {
          matchLabels: { [keys.managedBy]: manager, [keys.session]: spec.name, [keys.component]: 'session' },
        },
        // One pod with nobody to find it: no Service is named.
        template: { metadata: { labels }, spec: podSpec(spec, name, facts, proxy) },
      } as NonNullable<V1StatefulSet['spec']>,
    },
  };
}

/** In memory, and gone with the pod. The limit of the container's memory holds for what is in them, too. */
const inMemory = { tmp: '/tmp', vartmp: '/var/tmp', run: '/run/paude', home: '/home/paude' } as const;

function podSpec(
  spec: SessionSpec,
  claimName: string,
  { assignsUsers }: ClusterFacts,
  proxy: string | undefined,
): V1PodSpec {
  const { description } = spec;
  const memory = Object.entries(inMemory);
  return {
    ...pullSecretsOf(spec, spec.image),
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 10,
    securityContext: {
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
      ...(assignsUsers
        ? {}
        : { runAsUser: 1000, runAsGroup: 0, fsGroup: 1000, fsGroupChangePolicy: 'OnRootMismatch' }),
    },
    containers: [
      {
        name: container,
        image: spec.image,
        imagePullPolicy: 'IfNotPresent',
        env: [
          { name: 'PAUDE_SESSION', value: spec.name },
          { name: 'PAUDE_YOLO', value: description.yolo ? '1' : '0' },
          { name: 'PAUDE_AGENT_ARGS', value: description.agentArgs.join('\n') },
          ...(proxy === undefined
            ? []
            : Object.entries(proxyEnvironment(proxy)).map(([variable, value]) => ({
                name: variable,
                value,
              }))),
        ],
        resources: resources(spec),
        securityContext: unprivileged,
        // It waits inside for what it asks, so that nobody waits for the next look. Ready once is ready for good.
        startupProbe: {
          exec: { command: ['paude-session', 'ready'] },
          timeoutSeconds: 30,
          periodSeconds: 1,
          failureThreshold: 4,
        },
        volumeMounts: [
          { name: 'data', mountPath: '/pvc' },
          { name: 'credentials', mountPath: '/credentials', readOnly: true },
          ...memory.map(([name, mountPath]) => ({ name, mountPath })),
        ],
      },
      writerContainer(spec),
    ],
    volumes: [
      { name: 'data', persistentVolumeClaim: { claimName } },
      { name: 'credentials', emptyDir: { medium: 'Memory', sizeLimit: credentialsSize } },
      ...memory.map(([name]) => ({ name, emptyDir: { medium: 'Memory' } })),
    ],
  };
}

const unprivileged = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
};

/**
 * An old and a new copy of what lib/credentials/pack.ts sends at most. The memory counts on the writer: its own limit
 * is well above, or it is killed where it should hear that there is no space.
 */
const credentialsSize = '224Mi';
const writerMemory = '256Mi';

/** It waits; what writes is a command that comes with the credentials. */
function writerContainer({ image, description }: SessionSpec): V1Container {
  return {
    name: writer,
    image,
    imagePullPolicy: 'IfNotPresent',
    command: ['/usr/bin/tini', '--', 'sleep', 'infinity'],
    resources: { limits: sideLimits(description, writerMemory), requests: { memory: '16Mi', cpu: '1m' } },
    securityContext: unprivileged,
    volumeMounts: [{ name: 'credentials', mountPath: '/credentials' }],
  };
}

/**
 * The limits of what runs beside the agent. A quota on the CPUs that pods may use takes none of which a container has no
 * limit: with one for the session there is one for each.
 */
export function sideLimits({ cpus }: Description, memory: string): Readonly<Record<string, string>> {
  return { memory, ...(cpus === undefined ? {} : { cpu: '500m' }) };
}

const defaults = { memory: '8Gi', requests: { memory: '512Mi', cpu: '100m' } } as const;

function resources({ description: { memory, cpus, memoryRequest, cpusRequest } }: SessionSpec) {
  const limit = memory ?? defaults.memory;
  const smaller = quantityValue(limit as never) < quantityValue(defaults.requests.memory as never);
  return {
    limits: { memory: limit, ...(cpus === undefined ? {} : { cpu: cpus }) },
    requests: {
      memory: memoryRequest ?? (smaller ? limit : defaults.requests.memory),
      cpu: cpusRequest ?? (cpus !== undefined && quantityValue(cpus) < 0.1 ? cpus : defaults.requests.cpu),
    },
  };
}
