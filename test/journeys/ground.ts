import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { kubeconfigAt, nodeProcess, ownClusterSkip } from '../harness/cluster-parts.ts';
import {
  clusterEnv,
  clusterImage,
  clusterPlace,
  clusterProxyImage,
  clusterSkip,
  testCluster,
} from '../harness/cluster-world.ts';
import { podmanSkip } from '../harness/podman-world.ts';

/** Where a journey goes: a backend, and what a test does there behind the person's back. */
export interface Ground {
  /** For the titles of the tests. */
  readonly title: string;
  /** Why the tests there are skipped. */
  readonly skip: string | undefined;
  /** What of the environment a person needs there. */
  readonly env: NodeJS.ProcessEnv;
  /** The programs that a person needs there besides git, as folders of the PATH. */
  readonly folders: readonly string[];
  url(session: string): string;
  /** Ends what runs of a session, at once. */
  kill(session: string): void;
  /** Tells one run of a session's container from the next, while commands can run in it; '' while none can. */
  life(session: string): string;
  /** What a shell's script says in a session that runs, past our own commands, which would prove it and start it first. */
  look(session: string, script: string): string;
  /** What was started beside a session to bring it credentials, and is still there. */
  writers(session: string): readonly string[];
  /** The ids of all that there is of a session; '' when there is nothing. */
  objects(session: string): string;
  /** The names of all sessions' objects, whoever's. */
  names(): readonly string[];
  /** Whether a session is there, whole. */
  isWhole(session: string): boolean;
  /** All that is stored of how a session is made. */
  configuration(session: string): string;
  /** The environment of a person who can't reach it, and what every command then says. */
  readonly unreachable: (folder: string) => NodeJS.ProcessEnv;
  readonly saysUnreachable: RegExp;
  /** Where the files of a session's volume are, and how a program is run there; or why a test can't get there. */
  readonly disk: {
    readonly skip: string | undefined;
    folder(session: string): string;
    run(program: string, ...args: readonly string[]): void;
  };
  /** Whether sessions there reach the registries of packages, where they are allowed to. */
  readonly hasRegistries: boolean;
}

function ask(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): string {
  return spawnSync(program, args, { env, encoding: 'utf8' }).stdout ?? '';
}

function must(program: string, args: readonly string[]): void {
  const done = spawnSync(program, args, { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${done.stderr}`);
}

const notRoot =
  process.getuid?.() === 0 ? undefined : 'a small disk is mounted under the session’s volume only as root';
const podman = (...args: string[]) => ask('podman', args);
const kept = ['CONTAINERS_CONF', 'PAUDE_BASE_IMAGE', 'PAUDE_CA_FILE', 'XDG_RUNTIME_DIR'];

export const onPodman: Ground = {
  title: 'podman',
  skip: podmanSkip,
  env: Object.fromEntries(kept.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []))),
  get folders() {
    return [dirname(ask('which', ['podman']).trim())];
  },
  url: (session) => `paude://podman/${session}`,
  kill: (session) => void podman('kill', `paude-${session}`),
  life: (session) =>
    podman('ps', '--filter', `name=^paude-${session}$`, '--format', '{{.ID}} {{.StartedAt}}').trim(),
  look: (session, script) => podman('exec', `paude-${session}`, 'sh', '-c', script),
  writers: (session) =>
    podman('ps', '--all', '--filter', `volume=paude-${session}.credentials`, '--format', '{{.Names}}')
      .split('\n')
      .filter((name) => name !== '' && name !== `paude-${session}`),
  objects: (session) => {
    const label = ['--filter', `label=paude.io/session=${session}`, '--quiet'];
    const kinds = [
      ['ps', '--all'],
      ['volume', 'ls'],
      ['network', 'ls'],
    ] as const;
    return kinds.map((kind) => podman(...kind, ...label)).join('');
  },
  names: () => podman('ps', '--all', '--format', '{{.Names}}').split('\n'),
  isWhole: (session) => spawnSync('podman', ['container', 'exists', `paude-${session}`]).status === 0,
  configuration: (session) =>
    podman('container', 'inspect', `paude-${session}`, `proxy-paude-${session}`) +
    podman('volume', 'inspect', `paude-${session}`),
  unreachable: () => ({ CONTAINER_HOST: 'unix:///there/is/none' }),
  saysUnreachable: /CONTAINER_HOST/,
  disk: {
    skip: podmanSkip ?? notRoot,
    folder: (session) =>
      podman('volume', 'inspect', '--format', '{{.Mountpoint}}', `paude-${session}`).trim(),
    run: (program, ...args) => must(program, args),
  },
  hasRegistries: true,
};

/** What a session may be made of; the events of an object are no part of it. */
const kinds = 'statefulsets,pods,persistentvolumeclaims,services,configmaps,secrets,networkpolicies';

/**
 * A namespace of the test cluster, for one of its users with edit rights. There is no kubectl on the person's PATH:
 * it is not needed.
 */
function onCluster(user: 'certificate' | 'token', place: 'plain' | 'restricted'): Ground {
  const { KUBECONFIG } = clusterEnv(user);
  const { context, namespace } = clusterPlace(place);
  const kubectl = (...args: string[]) => ask('kubectl', [...args, '-n', namespace], clusterEnv('admin'));
  const labelled = (session: string, ...more: string[]) =>
    kubectl('get', kinds, '-l', `paude.io/session=${session}`, ...more);
  return {
    title: `cluster, ${place}`,
    skip: clusterSkip,
    env: {
      ...(KUBECONFIG === undefined ? {} : { KUBECONFIG }),
      PAUDE_BACKEND: 'openshift',
      PAUDE_OPENSHIFT_CONTEXT: context,
      PAUDE_IMAGE: clusterImage,
      PAUDE_PROXY_IMAGE: clusterProxyImage,
    },
    folders: [],
    url: (session) => `paude://openshift/${context}/${namespace}/${session}`,
    kill: (session) => void kubectl('delete', 'pod', `paude-${session}-0`, '--grace-period=0', '--force'),
    life: (session) => {
      const path = '{.items[*].status.containerStatuses[?(@.name=="session")]';
      const own = ['-l', `paude.io/session=${session},app.kubernetes.io/component=session`];
      const said = kubectl('get', 'pods', ...own, '-o', `jsonpath=${path}.containerID} ${path}.started}`);
      const [id, started] = said.split(' ');
      return started === 'true' ? id! : '';
    },
    look: (session, script) =>
      ask(
        'kubectl',
        ['exec', '-n', namespace, '-c', 'session', `paude-${session}-0`, '--', 'sh', '-c', script],
        clusterEnv('admin'),
      ),
    // Its container is a part of the session.
    writers: () => [],
    objects: (session) => labelled(session, '-o', 'name'),
    names: () => kubectl('get', 'statefulsets', '-o', 'name').split('\n'),
    isWhole: (session) =>
      ['statefulset', 'persistentvolumeclaim'].every((kind) =>
        labelled(session, '-o', 'name').includes(kind),
      ),
    configuration: (session) => labelled(session, '-o', 'yaml'),
    unreachable: (folder) => ({
      KUBECONFIG: kubeconfigAt(1, testCluster[user], join(folder, 'unreachable.kubeconfig')),
    }),
    saysUnreachable: new RegExp(`the API server of ${context} can't be reached[^]*hint: is the network up`),
    disk: {
      skip: ownClusterSkip,
      folder: (session) => {
        const path = (kind: string, name: string, what: string) =>
          kubectl('get', kind, name, '-o', `jsonpath={${what}}`);
        return path('pv', path('pvc', `paude-${session}`, '.spec.volumeName'), '.spec.local.path');
      },
      run: (...command) => must('nsenter', ['--target', String(nodeProcess()), '--mount', '--', ...command]),
    },
    hasRegistries: false,
  };
}

/** A person there who has Podman as well, and no ready image: it is built here, and brought by a port-forward. */
function building(ground: Ground): Ground {
  const { PAUDE_IMAGE: _, ...env } = ground.env;
  return {
    ...ground,
    env: { ...onPodman.env, ...env },
    get folders() {
      return onPodman.folders;
    },
  };
}

export const onPlainCluster = onCluster('certificate', 'plain');
export const onClusterBuilding = building(onCluster('token', 'plain'));
export const onRestrictedCluster = onCluster('token', 'restricted');
