import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { clusterEnv, testCluster } from '../harness/cluster-world.ts';

/** Runs kubectl as the cluster's administrator; gives what it printed. Throws when it failed. */
export function kubectl(args: readonly string[], input?: object): string {
  const stdin = input === undefined ? {} : { input: JSON.stringify(input) };
  const done = spawnSync('kubectl', args, { env: clusterEnv('admin'), encoding: 'utf8', ...stdin });
  if (done.status !== 0) throw new Error(`kubectl ${args.join(' ')}: ${done.stderr}`);
  return done.stdout;
}

/** Makes a namespace in which the tests' users have a project's edit rights, or none. */
export function makeNamespace(
  name: string,
  { labels = {}, rights = true }: { readonly labels?: object; readonly rights?: boolean } = {},
): void {
  kubectl(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
  if (!rights) return;
  const binding = ['create', 'rolebinding', 'edit', '--clusterrole=edit', '--user=alice', '--user=bob'];
  const yaml = kubectl([...binding, '-n', name, '--dry-run=client', '-o', 'json']);
  kubectl(['apply', '-f', '-'], JSON.parse(yaml) as object);
}

export function removeNamespace(name: string): void {
  kubectl(['delete', 'namespace', name, '--ignore-not-found', '--wait=false']);
}

/** As much of a kubeconfig as the tests change. */
export interface Kubeconfig {
  clusters: { name: string; cluster: Record<string, unknown> }[];
  users: { name: string; user: Record<string, unknown> }[];
  contexts: { name: string; context: { cluster: string; user: string; namespace: string } }[];
  'current-context': string;
}

/** Writes a user's kubeconfig, changed, to a path, and gives the path. */
export function writeKubeconfig(
  path: string,
  user: 'certificate' | 'token' | 'admin',
  change: (config: Kubeconfig) => void,
): string {
  const config = JSON.parse(readFileSync(testCluster[user], 'utf8')) as Kubeconfig;
  change(config);
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
  return path;
}
