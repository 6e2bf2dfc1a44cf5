import { writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { ownNamespace } from '../harness/cluster-parts.ts';
import { ClusterRepository } from '../harness/cluster-repository.ts';
import { clusterImage, clusterProxyImage, clusterSkip, testCluster } from '../harness/cluster-world.ts';
import { countRequests } from '../harness/count-requests.ts';
import { makeSessionObjects } from '../harness/session-objects.ts';
import type { Bench } from './bench.ts';
import { bringTo } from './credentials.ts';
import { print, printRace, race, run, verdict } from './measure.ts';
import { capabilities } from './startup.ts';
import { memoryTo, transferTo } from './transfer.ts';

const namespace = 'paude-plain';

/**
 * What a session on a cluster costs: transfer, memory, a start, what the API server is asked for, a list of 500, and
 * how the helper starts. From here on the environment is that of a user of the test cluster: it is the last part.
 */
export async function cluster(bench: Bench): Promise<void> {
  if (clusterSkip !== undefined) return print(`\ncluster: left out: ${clusterSkip}`);
  Object.assign(process.env, {
    KUBECONFIG: testCluster.certificate,
    PATH: `${process.env['PATH']}${delimiter}${testCluster.programs ?? ''}`,
    PAUDE_BACKEND: 'kubernetes',
    PAUDE_OPENSHIFT_NAMESPACE: namespace,
    PAUDE_IMAGE: clusterImage,
    PAUDE_PROXY_IMAGE: clusterProxyImage,
  });
  const { session, paude } = bench;
  const url = `paude://kubernetes/plain/${namespace}/${session}`;
  await client(bench, url);
  await requests();
  await listOfMany();
  await memoryTo(bench, url);
  await paude('create', session);
  try {
    await start(bench);
    const exec = ['kubectl', 'exec', '-i', '-n', namespace, '-c', 'session', `paude-${session}-0`, '--'];
    await transferTo(bench, { url, exec, name: 'kubectl exec -i', idle: 1 });
    await bringTo({ ...bench, exec, name: 'kubectl exec' });
  } finally {
    await paude('delete', session, '--confirm');
  }
}

/** The helper's own start, and what it would be with the official client in it. */
async function client({ folder }: Bench, url: string): Promise<void> {
  const loader = join(folder, 'with-client.mjs');
  await writeFile(loader, `import ${JSON.stringify(import.meta.resolve('@kubernetes/client-node'))};`);
  const withClient = { ...process.env, NODE_OPTIONS: `--import=${loader}` };
  const rows = await race(9, [
    { name: 'git-remote-paude', work: () => capabilities(url) },
    { name: 'with the official client loaded', work: () => capabilities(url, withClient) },
    { name: 'node -e 0', work: () => run('node', ['-e', '0']) },
  ]);
  printRace('start of the helper for a cluster', rows, []);
}

/** What commands ask the API server for: in all, and one after the other. */
async function requests(): Promise<void> {
  const world = new ClusterRepository();
  const name = world.session('bench');
  const count = (...args: string[]) => countRequests(world, (env) => world.start('git', args, env).ended);
  try {
    print('\nrequests to the API server, in all (after one another)');
    for (const [what, args] of [
      ['create', ['paude', 'create', name]],
      ['list', ['paude', 'list']],
      ['a push that starts', ['push', '-q', `paude-${name}`, 'main']],
      ['a push with nothing to do', ['push', `paude-${name}`, 'main']],
      ['stop', ['paude', 'stop', name]],
      ['delete', ['paude', 'delete', name, '--confirm']],
    ] as const) {
      const { all, trips, outcome } = await count(...args);
      if (outcome.code !== 0) throw new Error(outcome.stderr);
      print(`  ${what.padEnd(34)} ${String(all.length).padStart(3)} (${trips})`);
      if (what === 'create') verdict('create', trips, 3, (value) => `${value} after one another`);
      if (what === 'list') verdict('list', all.length, 1, String);
    }
  } finally {
    await world.end();
  }
}

async function listOfMany(): Promise<void> {
  const many = `paude-bench-${process.pid}`;
  await using _ = await ownNamespace(many);
  await makeSessionObjects(many, 500);
  const rows = await race(5, [
    { name: 'git paude list', work: () => run('git-paude', ['list', `--namespace=${many}`]) },
    {
      name: 'kubectl get statefulsets',
      work: () => run('kubectl', ['get', 'statefulsets', '-n', many, '-o', 'json']),
    },
  ]);
  printRace('list of 500 sessions', rows, []);
  verdict('git paude list', rows[0]!.median, 1000, (value) => `${value.toFixed(0)} ms`);
}

/** A start, with the proof that its network is closed, over the time that its two pods take to Ready. */
async function start({ session, paude }: Bench): Promise<void> {
  const kubectl = (...args: string[]) => run('kubectl', [...args, '-n', namespace]);
  const names = [`paude-${session}`, `proxy-paude-${session}`];
  const pods = names.map((name) => `pod/${name}-0`);
  const stopped = () => paude('stop', session);
  const rows = await race(7, [
    {
      name: 'git paude start',
      before: stopped,
      work: () => paude('start', '--detach', '--no-sync', session),
    },
    {
      name: 'kubectl scale and wait',
      before: stopped,
      work: async () => {
        await kubectl('scale', 'statefulset', ...names, '--replicas=1');
        await kubectl('wait', '--for=create', ...pods);
        await kubectl('wait', '--for=condition=Ready', ...pods);
      },
    },
  ]);
  printRace('start', rows, [{ of: 'git paude start', over: 'kubectl scale and wait', more: 300 }]);
}
