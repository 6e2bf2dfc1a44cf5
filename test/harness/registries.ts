// Registries for the tests: Debian's docker-registry outside of the cluster, and the endpoint of OpenShift's route.
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { until } from '../remote/git-world.ts';
import { clusterSkip, testCluster } from './cluster-world.ts';

/** Why the tests with registries are skipped: a cluster that was not made by test/cluster, or by an older one. */
export const registrySkip: string | undefined =
  clusterSkip ??
  (testCluster.external === undefined
    ? 'the cluster has no OpenShift registry; for a test cluster: npm run cluster -- down'
    : undefined);

/** The login of the external registry; its password is hashed with bcrypt, for the registry takes nothing else. */
export const externalLogin = { username: 'ada', password: 'paude-external' };
const hashed = `ada:$2y$05$paudepaudepaudepaudeOuVnBvyv4TqV83G22DH9DZSPe4feuYm3.\n`;

export interface TestRegistry {
  /** As references have it. */
  readonly host: string;
  /** The requests that it has had, each `METHOD /path status`, since this was last asked. */
  log(): readonly string[];
  end(): void;
}

/** What both kinds of registry write of a request: Apache's combined format, in docker-registry's access log. */
function requestsIn(text: string): readonly string[] {
  const rows = text.matchAll(/"([A-Z]+) (\/v2\/[^ "]*) HTTP\/[\d.]+" (\d{3})/g);
  return [...rows].map(([, method, path, status]) => `${method} ${path} ${status}`);
}

/**
 * A registry on this machine, with the cluster's certificates and a login, where the nodes can pull. With a size (as
 * tmpfs(5) has it), it is full when it holds so much.
 */
export async function externalRegistry(size?: string): Promise<TestRegistry & { empty(): void }> {
  const { external, state, folder } = testCluster;
  const root = mkdtempSync(join(tmpdir(), 'paude-registry-'));
  const pki = join(state, 'pki');
  const storage = join(root, 'storage');
  mkdirSync(storage);
  if (size !== undefined) execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', storage]);
  writeFileSync(join(root, 'passwords'), hashed);
  const configuration = {
    version: 0.1,
    storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
    auth: { htpasswd: { realm: 'external', path: join(root, 'passwords') } },
    http: { addr: external, tls: { certificate: join(pki, 'external.crt'), key: join(pki, 'external.key') } },
  };
  writeFileSync(join(root, 'registry.yaml'), JSON.stringify(configuration));
  const program = join(folder, 'debian/usr/bin/docker-registry');
  const child = started(program, ['serve', join(root, 'registry.yaml')], join(root, 'log'));
  await listening(external);
  return {
    host: external,
    log: fresh(join(root, 'log')),
    empty: () => rmSync(join(storage, 'docker'), { recursive: true, force: true }),
    end: () => {
      child.kill('SIGKILL');
      if (size !== undefined) execFileSync('umount', ['--lazy', storage]);
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** A folder that is a user's home, with the login of the external registry where Podman keeps it. */
export function homeWithLogin(host: string, password = externalLogin.password): string {
  const home = mkdtempSync(join(tmpdir(), 'paude-home-'));
  const auth = Buffer.from(`${externalLogin.username}:${password}`).toString('base64');
  mkdirSync(join(home, '.config/containers'), { recursive: true });
  writeFileSync(join(home, '.config/containers/auth.json'), JSON.stringify({ auths: { [host]: { auth } } }));
  return home;
}

/**
 * OpenShift's route to its registry, in a process of its own; and the Route that names it, unless it is one that
 * users may not see.
 */
export async function openshiftRoute(seen = true): Promise<TestRegistry> {
  const { hostAddress } = testCluster;
  const root = mkdtempSync(join(tmpdir(), 'paude-route-'));
  const log = join(root, 'log');
  const program = fileURLToPath(new URL('route-endpoint.mjs', import.meta.url));
  const child = started(
    process.execPath,
    [program, process.env['PAUDE_TEST_CLUSTER']!, log],
    join(root, 'output'),
  );
  await listening(`${hostAddress}:443`);
  if (seen) kubectl(['apply', '-f', '-'], JSON.stringify(routeTo(hostAddress)));
  return {
    host: hostAddress,
    log: fresh(log),
    end: () => {
      kubectl(['delete', 'route', 'default-route', '-n', 'openshift-image-registry', '--ignore-not-found']);
      child.kill('SIGKILL');
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** The registry in the cluster: its log is the pod's. */
export function internalRegistry(): Pick<TestRegistry, 'log'> {
  let read = 0;
  const text = () => kubectl(['logs', 'image-registry', '-n', 'openshift-image-registry']);
  read = text().length;
  return {
    log: () => {
      const all = text();
      const fresh = all.slice(read);
      read = all.length;
      return requestsIn(fresh);
    },
  };
}

/** Makes the registry in the cluster one that never had images of a namespace. It keeps nothing of them in memory. */
export function forgetImages(namespace: string): void {
  const repositories = 'openshift/docker/registry/v2/repositories';
  rmSync(join(testCluster.state, repositories, namespace), { recursive: true, force: true });
}

/** Runs kubectl as the cluster's admin. */
export function kubectl(args: readonly string[], input?: string): string {
  const program = join(testCluster.folder, 'bin/kubernetes');
  const done = spawnSync(program, ['kubectl', `--kubeconfig=${testCluster.admin}`, ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    ...(input === undefined ? {} : { input }),
  });
  if (done.status !== 0) throw new Error(`kubectl ${args.join(' ')}: ${done.stderr}`);
  return done.stdout;
}

/** The Route of the registry, to some host. */
export function routeTo(host: string) {
  const metadata = { name: 'default-route', namespace: 'openshift-image-registry' };
  const to = { kind: 'Service', name: 'image-registry' };
  return { apiVersion: 'route.openshift.io/v1', kind: 'Route', metadata, spec: { host, to } };
}

/** A program whose output goes to a file: a pipe would fill up while a test waits for a program. */
function started(program: string, args: readonly string[], output: string): ChildProcess {
  const file = openSync(output, 'a');
  return spawn(program, args, { stdio: ['ignore', file, file] });
}

/** The requests in a log since it was last asked for. */
function fresh(log: string): () => readonly string[] {
  let read = 0;
  return () => {
    const text = existsSync(log) ? readFileSync(log, 'utf8') : '';
    const news = text.slice(read);
    read = text.length;
    return requestsIn(news);
  };
}

async function listening(host: string): Promise<void> {
  const [address, port] = host.split(':');
  const accepts = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(Number(port), address!, () => resolve(true));
      socket.on('error', () => resolve(false));
      socket.on('connect', () => socket.end());
    });
  await until('the registry listens', accepts);
}
