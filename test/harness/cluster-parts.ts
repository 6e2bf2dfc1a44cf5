import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as assert from 'uvu/assert';
import { clusterSkip, testCluster } from './cluster-world.ts';

const run = promisify(execFile);
const program = fileURLToPath(new URL('../../scripts/cluster.mjs', import.meta.url));

/** Why tests that break the cluster are skipped: nobody's but the tests' own may be broken. */
export const ownClusterSkip: string | undefined =
  clusterSkip ??
  (testCluster.programs === undefined ? 'it breaks the cluster, which is not its own' : undefined);

type Part = 'apiserver' | 'kubelet' | 'containerd' | 'controllers';

/**
 * What happens to a part of the cluster: `stop` ends it as a crash would, `start` starts it and waits until it can be
 * used, `pause` and `resume` are of a machine that hangs.
 */
export async function part(verb: 'stop' | 'start' | 'pause' | 'resume', name: Part): Promise<void> {
  await run(process.execPath, [program, verb, name]);
}

/** kubectl as the cluster's admin. */
export async function asAdmin(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(
    `${testCluster.programs}/kubectl`,
    [`--kubeconfig=${testCluster.admin}`, ...args],
    {
      maxBuffer: 2 ** 26,
    },
  );
  return stdout;
}

/** A namespace of the tests' own, in which the users have a project's `edit` rights. Disposing it removes it. */
export async function ownNamespace(name: string): Promise<AsyncDisposable> {
  await asAdmin('create', 'namespace', name);
  const users = ['--user=alice', '--user=bob'];
  await asAdmin('create', 'rolebinding', 'edit', '--clusterrole=edit', ...users, '-n', name);
  const remove = async () => void (await asAdmin('delete', 'namespace', name, '--wait=false'));
  return { [Symbol.asyncDispose]: remove };
}

/** Evicts a pod, as draining its node does (the eviction API). */
export async function evict(pod: string, namespace: string): Promise<void> {
  const file = join(await mkdtemp(join(tmpdir(), 'paude-evict-')), 'eviction.json');
  const metadata = { name: pod, namespace };
  await writeFile(file, JSON.stringify({ apiVersion: 'policy/v1', kind: 'Eviction', metadata }));
  await asAdmin('create', '--raw', `/api/v1/namespaces/${namespace}/pods/${pod}/eviction`, '-f', file);
  await rm(dirname(file), { recursive: true });
}

/**
 * Waits until the cluster is as it was: its API server answers, its node is ready, and the kubelet answers for every
 * pod of it. A node counts as ready until it is missed, and a kubelet that starts knows no pod yet.
 */
export async function wellAgain(): Promise<void> {
  const started = Date.now();
  for (;;) {
    const answer = await kubeletKnowsItsPods().catch((error: Error) => error);
    if (answer === true) break;
    assert.ok(Date.now() - started < 90_000, `the kubelet doesn't answer for its pods: ${String(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  await asAdmin('wait', '--for=condition=Ready', 'node/node1', '--timeout=90s');
}

async function kubeletKnowsItsPods(): Promise<boolean> {
  const known = podsIn(await asAdmin('get', '--raw', '/api/v1/nodes/node1/proxy/pods'));
  const bound = podsIn(await asAdmin('get', '--raw', '/api/v1/pods?fieldSelector=spec.nodeName%3Dnode1'));
  return bound.every((uid) => known.includes(uid));
}

function podsIn(list: string): string[] {
  const { items } = JSON.parse(list) as { items: { metadata: { uid: string } }[] | null };
  return (items ?? []).map(({ metadata }) => metadata.uid);
}

/** The process that holds the namespaces of the cluster's node. */
export function nodeProcess(): number {
  const text = readFileSync(`${testCluster.state}/cluster.json`, 'utf8');
  return (JSON.parse(text) as { host: { pid: number } }).host.pid;
}

/** Runs a program among the cluster's processes and mounts. */
export async function onNode(...command: readonly string[]): Promise<string> {
  const into = ['--target', String(nodeProcess()), '--mount', '--net', '--pid', '--'];
  return (await run('nsenter', [...into, ...command], { maxBuffer: 2 ** 26 })).stdout;
}

interface Kubeconfig {
  clusters: { cluster: Record<string, unknown> }[];
}

/** A kubeconfig of the same user whose API server is reached at another port, and is believed to be the same. */
export function kubeconfigAt(port: number, source: string, path: string, cluster: object = {}): string {
  const config = JSON.parse(readFileSync(source, 'utf8')) as Kubeconfig;
  for (const one of config.clusters) {
    Object.assign(one.cluster, {
      server: `https://127.0.0.1:${port}`,
      'tls-server-name': 'kubernetes',
      ...cluster,
    });
  }
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
  return path;
}
