import { quantityValue, type SessionName } from '../../names.ts';
import type { Session, SessionSpec } from '../../session/session.ts';

/** The labels that everything of a session carries. */
export const labels = {
  managedBy: 'app.kubernetes.io/managed-by',
  name: 'app.kubernetes.io/name',
  session: 'paude.io/session',
  owner: 'paude.io/owner',
  spec: 'paude.io/spec',
  created: 'paude.io/created',
} as const;

export const manager = 'git-paude';

/** The name of a session's container, volume and network. */
export function objectName(name: SessionName): string {
  return `paude-${name}`;
}

export type Labels = Readonly<Record<string, string>>;

export function labelsOf(spec: SessionSpec, owner: string, created: Date): Labels {
  return {
    [labels.name]: 'paude',
    [labels.managedBy]: manager,
    [labels.session]: spec.name,
    [labels.owner]: owner,
    [labels.created]: created.toISOString(),
    [labels.spec]: Buffer.from(JSON.stringify(spec)).toString('base64url'),
  };
}

/** What a session was asked to be. In base64: `podman volume create` reads a label's value as CSV. */
export function specOf(found: Labels): SessionSpec | undefined {
  if (found[labels.managedBy] !== manager || found[labels.spec] === undefined) return undefined;
  return JSON.parse(Buffer.from(found[labels.spec]!, 'base64url').toString('utf8')) as SessionSpec;
}

/** The session that the labels of one of its objects describe. Undefined for a stranger's object. */
export function sessionOf(found: Labels, state: Session['state'], reason?: string): Session | undefined {
  const spec = specOf(found);
  if (spec === undefined) return undefined;
  return {
    location: { backend: 'podman', name: spec.name },
    description: spec.description,
    image: spec.image,
    state,
    ...(reason === undefined ? {} : { reason }),
    owner: found[labels.owner] ?? '',
    createdAt: new Date(found[labels.created] ?? 0),
  };
}

export interface Limits {
  readonly supported: boolean;
}

const defaults = { memory: 8 * 2 ** 30, pids: 4096 };

/** The arguments of `podman create` for a session's container (podman-create(1)). */
export function containerArguments(spec: SessionSpec, all: Labels, limits: Limits): readonly string[] {
  const { description } = spec;
  const object = objectName(spec.name);
  const memory = description.memory === undefined ? defaults.memory : quantityValue(description.memory);
  const tmpfs = (path: string, mode: string) => ['--tmpfs', `${path}:rw,exec,nosuid,nodev,mode=${mode}`];
  return [
    'create',
    ...['--name', object, '--hostname', object, '--network', object],
    ...labelArguments(all),
    // Whatever runs in it is not root, gains nothing, and writes to the volume and to memory only.
    ...['--user', '1000:0', '--cap-drop', 'all', '--security-opt', 'no-new-privileges'],
    ...['--read-only', '--read-only-tmpfs=false', '--volume', `${object}:/pvc`],
    ...tmpfs('/tmp', '1777'),
    ...tmpfs('/var/tmp', '1777'),
    ...tmpfs('/run/paude', '1777'),
    ...tmpfs('/home/paude', '1777'),
    ...(limits.supported
      ? [
          ...[
            '--memory',
            String(Math.floor(memory)),
            '--pids-limit',
            String(description.pids ?? defaults.pids),
          ],
          ...(description.cpus === undefined ? [] : ['--cpus', String(quantityValue(description.cpus))]),
        ]
      : []),
    ...['--stop-timeout', '10', '--pull', 'never'],
    ...['--env', `PAUDE_SESSION=${spec.name}`, '--env', `PAUDE_YOLO=${description.yolo ? 1 : 0}`],
    ...['--env', `PAUDE_AGENT_ARGS=${description.agentArgs.join('\n')}`],
    spec.image,
  ];
}

export function labelArguments(all: Labels): readonly string[] {
  return Object.entries(all).flatMap(([key, value]) => ['--label', `${key}=${value}`]);
}
