import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { tries } from '../egress/session-ports.ts';
import type { Surroundings, Try } from '../egress/ways-out.ts';
import { clusterEnv, clusterImage, clusterProxyImage } from '../harness/cluster-world.ts';
import { until } from '../journeys/world.ts';
import { certificateFor } from './authority.mjs';
import { nodeNeighbour } from './node-neighbour.ts';
import {
  companyIsThere,
  companyScript,
  modelPort,
  modelProgram,
  serverProgram,
  type CompanyProxy,
  type Outside,
} from './outside.ts';

/** Nobody's on the internet (RFC 5737), and yet not private; the node has each world's on its loopback. */
const public4 = '198.51.100.';
const metadata = '169.254.169.254';
const prefix = 'paude-world-';

/** Gives the node the addresses of the world: SIOCSIFADDR on an alias of its loopback (netdevice(7)). */
const addAddresses = `
import fcntl, os, socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for label, address in ((os.environ['LABEL'], os.environ['LISTEN']), ('m', os.environ['SHARED'])):
    name = f'lo:w{label}'.encode()
    at = struct.pack('HH4s8x', socket.AF_INET, 0, socket.inet_aton(address))
    fcntl.ioctl(s, 0x8916, struct.pack('16s16s', name, at))
    mask = struct.pack('HH4s8x', socket.AF_INET, 0, b'\\xff\\xff\\xff\\xff')
    fcntl.ioctl(s, 0x891c, struct.pack('16s16s', name, mask))
os.execvp('node', ['node', '/world/server.mjs', *sys.argv[1:], '/world/pem'])
`;

const names = ['model', 'plain', 'evil', 'api', 'first', 'second', 'third'];

/** The world outside of sessions on a cluster: a server on the node, a pod beside, names of the cluster's own DNS. */
export class OutsideOnCluster implements Outside {
  readonly namespace: string;
  readonly env = clusterEnv('admin');
  readonly surroundings: Surroundings;
  /** Of the node's own, which is that of all worlds. */
  readonly #modelPort: string;

  constructor() {
    const number = this.#number();
    const address = `${public4}${number}`;
    this.namespace = `${prefix}${number}`;
    const data = { 'server.mjs': readFileSync(serverProgram, 'utf8'), pem: certificateFor([this.name('*')]) };
    this.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: this.#named('world'), data });
    this.#server('inner');
    this.#modelPort = String(Number(modelPort) + number);
    const own = { LABEL: String(number), LISTEN: address, MODEL_PORT: this.#modelPort };
    this.#server('world', { ...own, SHARED: metadata });
    this.kubectl('wait', '--for=condition=Ready', 'pod', '--all', '--timeout=180s', '-n', this.namespace);
    const inner = this.#ask('inner', '{.status.podIP}');
    const node = this.#ask('world', '{.status.hostIP}');
    for (const name of names) this.#name(name, address);
    this.#name('private', inner);
    this.surroundings = {
      address,
      allowed: this.name('model'),
      plain: this.name('plain'),
      forbidden: this.name('evil'),
      hidden: this.name('private'),
      inner,
      nameserver: '10.96.0.10',
      neighbours: [
        { name: 'a neighbour', address: inner, port: 443 },
        { name: 'metadata', address: metadata, port: 80 },
        { name: 'the API server', address: '10.96.0.1', port: 443 },
        { name: 'the API server at its own address', address: node, port: 6443 },
        { name: 'the kubelet', address: node, port: 10250 },
        { name: 'the registry of the node', address: node, port: 5000 },
      ],
    };
  }

  name(of: string): string {
    return `${of}.${this.namespace}.svc.cluster.local`;
  }

  asked(): string {
    return this.kubectl('logs', 'world', '-n', this.namespace);
  }

  async startModel(script: readonly unknown[]): Promise<void> {
    const inWorld = ['exec', '--stdin', 'world', '-n', this.namespace, '--'];
    this.kubectl(...inWorld, 'sh', '-c', `pkill -f '[n]ode - ${this.#modelPort}' || :`);
    const args = [...inWorld, 'node', '-', this.#modelPort, JSON.stringify(script)];
    const model = spawn('kubectl', args, { env: this.env, stdio: ['pipe', 'pipe', 'inherit'] });
    model.stdin.end(modelProgram);
    await new Promise((resolve) => model.stdout.once('data', resolve));
    // It ends with its pod.
    for (const handle of [model, model.stdin, model.stdout]) (handle as { unref?: () => void }).unref?.();
  }

  async startCompanyProxy(login: string): Promise<CompanyProxy> {
    const tls = { name: this.name('company'), port: 3129 };
    const env = [
      { name: 'LOGIN', value: login },
      { name: 'CERTIFICATE', value: certificateFor([tls.name]) },
    ];
    const command = ['sh', '-c', companyScript];
    const containers = [{ name: 'proxy', image: clusterProxyImage, command, env }];
    this.#pod('company', { containers });
    const log = () => this.kubectl('logs', 'company', '-n', this.namespace);
    await until(
      () =>
        spawnSync('kubectl', ['logs', 'company', '-n', this.namespace], { env: this.env, encoding: 'utf8' })
          .stdout,
      (said) => companyIsThere.test(said),
    );
    const host = this.#ask('company', '{.status.podIP}');
    this.#name('company', host);
    return { host, port: 3128, tls, log };
  }

  /** Ends the container of a session's proxy, as a crash would; the kubelet starts it again. */
  crashProxy(namespace: string, session: string): void {
    const pod = `proxy-paude-${session}-0`;
    // Its own shell may be ended by that, too; that it was ended is what is looked at.
    spawnSync('kubectl', ['exec', pod, '-n', namespace, '--', 'sh', '-c', 'kill 1'], { env: this.env });
    const again = '--for=jsonpath={.status.containerStatuses[0].restartCount}=1';
    this.kubectl('wait', again, `pod/${pod}`, '-n', namespace, '--timeout=60s');
  }

  /** The node as a pod has it on its own wire, by IPv6: an address of the link, whatever the cluster's addresses are. */
  neighbourOf(namespace: string, pod: string): string {
    const ip = this.kubectl('get', 'pod', pod, '-n', namespace, '-o', 'jsonpath={.status.podIP}');
    const onNode = (...command: string[]) =>
      this.kubectl('exec', 'world', '-n', this.namespace, '--', ...command);
    return `${nodeNeighbour(onNode('cat', '/proc/net/route'), onNode('cat', '/proc/net/if_inet6'), ip)}%eth0`;
  }

  kubectl = (...args: string[]): string => this.#kubectl(args);

  apply(object: object): void {
    this.#kubectl(['apply', '-f', '-'], JSON.stringify(object));
  }

  #kubectl(args: readonly string[], input = ''): string {
    const done = spawnSync('kubectl', args, { env: this.env, encoding: 'utf8', input });
    if (done.status !== 0) throw new Error(`kubectl ${args.join(' ')}: ${done.stderr}`);
    return done.stdout;
  }

  #ask(pod: string, path: string): string {
    return this.kubectl('get', 'pod', pod, '-n', this.namespace, '-o', `jsonpath=${path}`);
  }

  #named(name: string): { name: string; namespace: string } {
    return { name, namespace: this.namespace };
  }

  #pod(name: string, spec: object): void {
    const all = { terminationGracePeriodSeconds: 0, ...spec };
    this.apply({ apiVersion: 'v1', kind: 'Pod', metadata: this.#named(name), spec: all });
  }

  /** A number that no other world has, by a namespace that is made once. */
  #number(): number {
    for (let number = 2; number < 255; number++) {
      const create = ['create', 'namespace', `${prefix}${number}`];
      const made = spawnSync('kubectl', create, { env: this.env, encoding: 'utf8' });
      if (made.status === 0) return number;
      if (!made.stderr.includes('AlreadyExists')) throw new Error(made.stderr);
    }
    throw new Error(`no address of ${public4}0/24 is free`);
  }

  /** A server in a pod; one that has addresses is on the node itself, and gives names their private ones. */
  #server(name: string, addresses?: Readonly<Record<string, string>> & { readonly LISTEN: string }): void {
    const isNode = addresses !== undefined;
    const start = isNode
      ? ['python3', '-c', addAddresses, addresses.LISTEN, '127.0.0.1', '::1']
      : ['node', '/world/server.mjs', '-', '-', '-', '/world/pem'];
    const container = {
      name: 'world',
      image: clusterImage,
      command: start,
      env: Object.entries(addresses ?? {}).map(([key, value]) => ({ name: key, value })),
      securityContext: { runAsUser: 0, ...(isNode && { capabilities: { add: ['NET_ADMIN'] } }) },
      volumeMounts: [{ name: 'world', mountPath: '/world' }],
      readinessProbe: { exec: { command: ['test', '-e', '/tmp/there'] }, periodSeconds: 1 },
    };
    const volumes = [{ name: 'world', configMap: { name: 'world' } }];
    this.#pod(name, { hostNetwork: isNode, containers: [container], volumes });
  }

  /** A name without a selector leads to where its endpoints say. */
  #name(name: string, to: string): void {
    const ports = [{ name: 'https', port: 443 }];
    this.apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: this.#named(name),
      spec: { clusterIP: 'None', ports },
    });
    const subsets = [{ addresses: [{ ip: to }], ports }];
    this.apply({ apiVersion: 'v1', kind: 'Endpoints', metadata: this.#named(name), subsets });
  }

  /** One try as root with every right of a pod, in a namespace, with these labels. */
  asRoot(
    namespace: string,
    name: string,
    labels: Readonly<Record<string, string>>,
    all: readonly Try[],
  ): readonly unknown[] {
    const security = { runAsUser: 0, capabilities: { add: ['NET_RAW'] } };
    const command = ['sleep', '600'];
    const containers = [{ name: 'root', image: clusterImage, command, securityContext: security }];
    const metadata = { name, namespace, labels };
    this.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata,
      spec: { terminationGracePeriodSeconds: 0, containers },
    });
    this.kubectl('wait', '--for=condition=Ready', 'pod', name, '-n', namespace, '--timeout=60s');
    const exec = ['exec', '-i', '-n', namespace, name, '--', 'python3', '-c', tries];
    const said = this.#kubectl(exec, JSON.stringify(all));
    this.kubectl('delete', 'pod', name, '-n', namespace, '--wait=false');
    return JSON.parse(said) as unknown[];
  }

  end(): void {
    this.kubectl('delete', 'namespace', this.namespace, '--wait=false');
  }
}
