// A real one-node Kubernetes for the tests: built once, started and stopped by one command each.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { must, provideParts, whyNoCluster } from './build.mjs';
import { makeCertificates } from './certificates.mjs';
import { externalPort, node, users, writeConfiguration } from './configuration.mjs';
import { endHost, entering, inside, isAlive, isHeld, makeHost, processesWith, waitFor } from './host.mjs';
import { partsOf } from './parts.mjs';

const manifests = fileURLToPath(new URL('manifests/', import.meta.url));
const state = process.env.PAUDE_TEST_CLUSTER_DIR || `/tmp/git-paude-cluster-${process.getuid?.() ?? ''}`;
const description = join(state, 'cluster.json');

/**
 * Starts the cluster, or gives the one that runs. Throws with `reason` where there can be none on this machine.
 * Gives the paths of the kubeconfigs, the registry's address and the audit log.
 */
export async function clusterUp(log) {
  const running = clusterStatus();
  if (running !== undefined) return running;
  const reason = whyNoCluster();
  if (reason !== undefined) throw Object.assign(new Error(reason), { reason });
  const folder = provideParts(log);
  await clusterDown();
  mkdirSync(join(state, 'pki'), { recursive: true, mode: 0o755 });
  const name = `pd${createHash('sha256').update(state).digest('hex').slice(0, 8)}`;
  log(
    `starting a Kubernetes in namespaces of its own; of this machine it has the interface and control group`,
  );
  log(`${name}, and some kernel settings of the kubelet, which are put back by: npm run cluster -- down`);
  const host = await makeHost(name);
  const { address } = host;
  const cluster = {
    admin: join(state, 'admin.kubeconfig'),
    certificate: join(state, `${users.certificate}.kubeconfig`),
    token: join(state, `${users.token}.kubeconfig`),
    confined: join(state, `${users.confined}.kubeconfig`),
    registry: `${address}:5000`,
    external: `${host.host}:${externalPort}`,
    address,
    hostAddress: host.host,
    auditLog: join(state, 'log/audit.log'),
    programs: join(folder, 'bin'),
    state,
    folder,
    host,
  };
  writeFileSync(`${description}.starting`, JSON.stringify(cluster, null, 2));
  makeCertificates(join(state, 'pki'), { address, hostAddress: host.host, node, users: [users.certificate] });
  writeConfiguration(state, {
    debian: join(folder, 'debian'),
    address,
    hostAddress: host.host,
    cgroup: `/${name}`,
  });
  for (const part of Object.keys(partsOf(cluster))) await startPart(cluster, part);
  await furnish(cluster);
  writeFileSync(description, JSON.stringify(cluster, null, 2));
  return cluster;
}

/** The running cluster; undefined where none runs. */
export function clusterStatus() {
  if (!existsSync(description)) return undefined;
  const cluster = JSON.parse(readFileSync(description, 'utf8'));
  return isHeld(cluster.host) ? cluster : undefined;
}

/** Ends the cluster, and removes everything that was made for it but the cache. */
export async function clusterDown() {
  for (const file of [description, `${description}.starting`])
    if (existsSync(file)) await endHost(JSON.parse(readFileSync(file, 'utf8')).host);
  rmSync(state, { recursive: true, force: true });
}

/** Starts one part, and waits until it can be used. */
export async function startPart(cluster, part) {
  const command = partsOf(cluster)[part];
  if (command === undefined) throw new Error(`there is no part ${part}`);
  const output = openSync(join(state, `log/${part}.log`), 'a');
  const [program, ...args] = entering(cluster.host, command);
  const env = { ...process.env, ...paths(cluster) };
  const child = spawn(program, args, { stdio: ['ignore', output, output], detached: true, env });
  child.unref();
  if (part === 'apiserver') await waitFor('the API server is ready', () => isReady(cluster), 60_000);
  // The kubelet gives up at once without it.
  if (part === 'containerd')
    await waitFor('containerd listens', () => existsSync(join(state, 'containerd.sock')));
}

/** Ends one part, as a crash would, and waits until it is gone. */
export async function stopPart(cluster, part) {
  const pids = processesOf(partsOf(cluster)[part]);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await waitFor(`${part} has ended`, () => pids.every((pid) => !isAlive(pid)));
}

/** Stops one part where it stands, as a machine that hangs would. */
export async function pausePart(cluster, part) {
  for (const pid of processesOf(partsOf(cluster)[part])) {
    const above = nsenterAbove(pid);
    process.kill(pid, 'SIGSTOP');
    // nsenter, which hears of it, stops itself too, and goes on before what it runs (util-linux, nsenter.c). Another
    // stop for it that came between would be one too many, and it would never hear of its child's end.
    await waitFor(`${part} stands still`, () => isStopped(above ?? pid));
  }
}

/** Lets a paused part go on. */
export async function resumePart(cluster, part) {
  for (const pid of processesOf(partsOf(cluster)[part])) {
    const above = nsenterAbove(pid);
    process.kill(above ?? pid, 'SIGCONT');
    await waitFor(`${part} goes on`, () => ![pid, above ?? pid].some(isStopped));
  }
}

function nsenterAbove(pid) {
  const [, parent] = statOf(pid);
  return readFileSync(`/proc/${parent}/cmdline`, 'utf8').startsWith('nsenter\0') ? Number(parent) : undefined;
}

function isStopped(pid) {
  return statOf(pid)[0] === 'T';
}

/** State, parent, and so on: what comes after the name (proc_pid_stat(5)). */
function statOf(pid) {
  return readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
}

/** Runs kubectl as the cluster's admin; gives what it printed. */
export function kubectl(cluster, args, input) {
  const command = [
    join(cluster.folder, 'bin/kubernetes'),
    'kubectl',
    `--kubeconfig=${cluster.admin}`,
    ...args,
  ];
  return must(command[0], command.slice(1), input === undefined ? {} : { input });
}

function isReady(cluster) {
  try {
    return kubectl(cluster, ['get', '--raw', '/readyz']) === 'ok';
  } catch {
    return false;
  }
}

/** What a new cluster needs before anybody works in it: images of its own, DNS, storage, namespaces, users. */
async function furnish(cluster) {
  const ctr = [
    join(cluster.folder, 'debian/usr/bin/ctr'),
    '-a',
    join(state, 'containerd.sock'),
    '-n',
    'k8s.io',
  ];
  for (const image of ['pause', 'coredns'])
    inside(cluster.host, [...ctr, 'images', 'import', join(cluster.folder, `${image}.tar`)]);
  for (const file of readdirSync(manifests).sort()) {
    const text = filled(readFileSync(join(manifests, file), 'utf8'), cluster);
    kubectl(cluster, ['apply', '-f', '-'], text);
  }
  kubectl(cluster, ['wait', '--for=condition=Ready', `node/${node}`, '--timeout=60s']);
  kubectl(cluster, ['-n', 'kube-system', 'rollout', 'status', 'deployment/coredns', '--timeout=60s']);
}

/** A manifest with what is this cluster's own. */
function filled(text, { hostAddress, folder }) {
  const authority = readFileSync(join(state, 'pki/ca.crt'), 'utf8').trim().replaceAll('\n', '\n    ');
  return text
    .replaceAll('HOST_ADDRESS', hostAddress)
    .replaceAll('STATE_FOLDER', state)
    .replaceAll('DEBIAN_FOLDER', join(folder, 'debian'))
    .replaceAll('AUTHORITY', authority);
}

/** Debian's programs call each other, and nft needs its libraries. */
function paths({ folder }) {
  const debian = join(folder, 'debian');
  const programs = ['usr/bin', 'usr/sbin', 'sbin'].map((path) => join(debian, path));
  const libraries = readdirSync(join(debian, 'usr/lib')).filter((name) => name.endsWith('-linux-gnu'));
  return {
    PATH: `${programs.join(':')}:/usr/sbin:/sbin:${process.env.PATH}`,
    LD_LIBRARY_PATH: libraries.map((name) => join(debian, 'usr/lib', name)).join(':'),
  };
}

function processesOf(command) {
  const wanted = command.join('\0');
  return processesWith((line) => line === wanted);
}
