import { proxyEnvironment } from '../../egress/proxy-environment.ts';
import type { NetworkRules } from '../../egress/network-rules.ts';
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
  /** Of the volume that holds nothing but this label: the session's rules, where they have changed. */
  rules: 'paude.io/rules',
} as const;

export const manager = 'git-paude';

/** The name of a session's container, volume and network. */
export function objectName(name: SessionName): string {
  return `paude-${name}`;
}

/** The name of the memory that a session's credentials are in; no session's name has a dot. */
export function credentialsName(name: SessionName): string {
  return `${objectName(name)}.credentials`;
}

/** The name of the memory of its proxy, where that has a secret to keep. */
export function proxyMemoryName(name: SessionName): string {
  return `${objectName(name)}.proxy`;
}

/** The name of its proxy's container; no session's own, for those begin with `paude-`. */
export function proxyName(name: SessionName): string {
  return `proxy-paude-${name}`;
}

export type Labels = Readonly<Record<string, string>>;

export function labelsOf(spec: SessionSpec, owner: string, created: Date): Labels {
  return {
    [labels.name]: 'paude',
    [labels.managedBy]: manager,
    [labels.session]: spec.name,
    [labels.owner]: owner,
    [labels.created]: created.toISOString(),
    [labels.spec]: encoded(spec),
  };
}

/** In base64: `podman volume create` reads a label's value as CSV. */
export function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decoded<T>(text: string): T {
  return JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as T;
}

/** What a session was asked to be. */
export function specOf(found: Labels): SessionSpec | undefined {
  if (found[labels.managedBy] !== manager || found[labels.spec] === undefined) return undefined;
  return decoded<SessionSpec>(found[labels.spec]!);
}

/** The rules that a volume of labels keeps. */
export function rulesOf(found: Labels): NetworkRules | undefined {
  const text = found[labels.rules];
  return text === undefined || found[labels.managedBy] !== manager ? undefined : decoded<NetworkRules>(text);
}

/** The session that the labels of one of its objects describe. Undefined for a stranger's object. */
export function sessionOf(
  found: Labels,
  rules: NetworkRules | undefined,
  state: Session['state'],
  reason?: string,
): Session | undefined {
  const spec = specOf(found);
  if (spec === undefined) return undefined;
  const { egress } = spec;
  return {
    location: { backend: 'podman', name: spec.name },
    description: spec.description,
    image: spec.image,
    ...(egress === undefined ? {} : { egress: { ...egress, rules: rules ?? egress.rules } }),
    state,
    ...(reason === undefined ? {} : { reason }),
    owner: found[labels.owner] ?? '',
    createdAt: new Date(found[labels.created] ?? 0),
  };
}

export interface Limits {
  readonly supported: boolean;
}

/** The user that everything of a session runs as. */
const user = '1000:0';

/** An old and a new copy of what lib/credentials/pack.ts sends at most; bytes. */
const credentialsSize = 224 * 2 ** 20;
/** A proxy's configuration, old and new, and a login; bytes. */
const proxyMemorySize = 16 * 2 ** 20;
/** What tmpfs counts in (tmpfs(5)); where pages are larger, so is the memory. */
const page = 4096;

/** The arguments of `podman volume create` for a volume in memory, which lives as long as a container that mounts it. */
export function credentialsArguments(name: SessionName, all: Labels): readonly string[] {
  return memoryArguments(credentialsName(name), all, '0750', credentialsSize);
}

/** The same for a proxy's: it outlives the container's own restarts, which a tmpfs of the container's does not. */
export function proxyMemoryArguments(name: SessionName, all: Labels): readonly string[] {
  return memoryArguments(proxyMemoryName(name), all, '0700', proxyMemorySize);
}

function memoryArguments(volume: string, all: Labels, mode: string, bytes: number): readonly string[] {
  // Podman takes `size` for a quota, which there is none of in memory.
  const memory = `uid=1000,gid=0,mode=${mode},nosuid,nodev,noexec,nr_blocks=${bytes / page}`;
  const options = ['--opt', 'type=tmpfs', '--opt', 'device=tmpfs', '--opt', `o=${memory}`];
  return ['volume', 'create', ...labelArguments(all), ...options, volume];
}

/** The arguments of `podman` for a command beside the session, which may write where its credentials are. */
export function writerArguments(
  name: SessionName,
  image: string,
  command: readonly string[],
): readonly string[] {
  return [
    ...['run', '--rm', '--interactive', '--network', 'none', '--pull', 'never', '--log-driver', 'none'],
    ownProxyOnly,
    ...['--user', user, '--cap-drop', 'all', '--security-opt', 'no-new-privileges'],
    ...['--read-only', '--read-only-tmpfs=false', '--volume', `${credentialsName(name)}:/credentials`],
    ...['--entrypoint', command[0]!, image, ...command.slice(1)],
  ];
}

const defaults = { memory: 8 * 2 ** 30, pids: 4096 };

/** The two addresses of a session's own network. */
export interface Addresses {
  readonly proxy: string;
  readonly session: string;
}

/** The arguments of `podman create` for a session's container (podman-create(1)). */
export function containerArguments(
  spec: SessionSpec,
  all: Labels,
  limits: Limits,
  addresses?: Addresses,
): readonly string[] {
  const { description } = spec;
  const object = objectName(spec.name);
  const memory = description.memory === undefined ? defaults.memory : quantityValue(description.memory);
  const tmpfs = (path: string, mode: string) => ['--tmpfs', `${path}:rw,exec,nosuid,nodev,mode=${mode}`];
  return [
    'create',
    ...['--name', object, '--hostname', object],
    ...(addresses === undefined ? ['--network', object] : closedNetwork(object, addresses)),
    ...labelArguments(all),
    // Whatever runs in it is not root, gains nothing, and writes to the volume and to memory only.
    ...['--user', user, '--cap-drop', 'all', '--security-opt', 'no-new-privileges'],
    ...['--read-only', '--read-only-tmpfs=false', '--volume', `${object}:/pvc`],
    ...['--volume', `${credentialsName(spec.name)}:/credentials:ro`],
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

/** Podman gives what it runs the proxy variables of its own shell, with the login that may be in them. */
export const ownProxyOnly = '--http-proxy=false';

function closedNetwork(object: string, { session, proxy }: Addresses): readonly string[] {
  return [
    ...['--network', `${object}:ip=${session}`],
    // The machine has an address of its own on the same wire, by IPv6's own making.
    ...['--sysctl', 'net.ipv6.conf.eth0.disable_ipv6=1'],
    ownProxyOnly,
    ...Object.entries(proxyEnvironment(proxy)).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
  ];
}

export function labelArguments(all: Labels): readonly string[] {
  return Object.entries(all).flatMap(([key, value]) => ['--label', `${key}=${value}`]);
}
