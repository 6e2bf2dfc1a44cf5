import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { kubeconfigAt } from './cluster-parts.ts';
import { ClusterRepository } from './cluster-repository.ts';
import { testCluster } from './cluster-world.ts';
import { tcpProxy, type ProxyOptions, type TcpProxy } from './tcp-proxy.ts';

/** A line of a person's to the cluster that can be made slow, or cut. */
export interface Line extends AsyncDisposable {
  readonly proxy: TcpProxy;
  /** The environment of who goes by it. */
  readonly env: { readonly KUBECONFIG: string };
}

/** A session that the first commit was pushed to, and a line. */
export interface ProxiedSession {
  readonly world: ClusterRepository;
  readonly name: string;
  readonly line: Line;
  /** Holds that a branch of the session is at a commit, and that its repository is whole. */
  landed(branch: string, head: string): Promise<void>;
  end(): Promise<void>;
}

let lines = 0;

export async function lineTo(world: ClusterRepository, options: ProxyOptions = {}): Promise<Line> {
  const proxy = await tcpProxy(testCluster.address, 6443, options);
  const file = join(world.root, `line-${lines++}.kubeconfig`);
  const KUBECONFIG = kubeconfigAt(proxy.port, testCluster.certificate, file);
  return { proxy, env: { KUBECONFIG }, [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose]() };
}

/** Makes such a session, of the test cluster's own; `what` is in its name. */
export async function proxiedSession(what: string, options: ProxyOptions = {}): Promise<ProxiedSession> {
  const world = new ClusterRepository();
  const line = await lineTo(world, options);
  const name = world.session(what);
  const { code, stderr } = await world.git('push', '-q', world.url(name), 'main');
  assert.is(code, 0, stderr);
  return {
    world,
    name,
    line,
    landed: async (branch, head) => {
      const there = await world.git('ls-remote', world.url(name), branch);
      assert.match(there.stdout, head, there.stderr);
      const checked = await world.inside(name, 'git', 'fsck', '--full', '--strict');
      assert.is(checked.code, 0, checked.stdout + checked.stderr);
    },
    end: async () => {
      await world.end();
      await line[Symbol.asyncDispose]();
    },
  };
}
